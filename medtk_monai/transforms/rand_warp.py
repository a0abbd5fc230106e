"""Random patches, turned, scaled, mirrored and deformed in one interpolation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import log, radians
from typing import Any

import numpy as np
import torch
from monai.transforms import Randomizable, Transform
from monai.utils import ensure_tuple_rep
from torch import Tensor

from medtk_monai.box_ops import box_sizes
from medtk_monai.reflection import check_padding_mode
from medtk_monai.structures import Target
from medtk_monai.transforms.mirror_images import mirror_images
from medtk_monai.transforms.visibility import VisibilityRule
from medtk_monai.transforms.warp import Warp, control_points, invert, read_warped, warp_boxes, warp_masked_boxes

FACE_POINTS = 9
"""Along each axis of a face where it is asked whether the image goes on."""
EXTENTS = ("block", "ellipsoid", "mask")


@dataclass(frozen=True)
class PatchSampling:
    """Which places patches are taken from.

    Args:
        size: voxels per axis, or one number for all.
        object_fraction: probability of a patch that shows an object which is not ignored, if there are any; in [0, 1].
        foreground_fraction: probability of a patch whose center is brighter than ``foreground_above``, in [0, 1 - object_fraction]; the
            rest lie anywhere.
        foreground_above: intensity.
        overhang: voxels per axis, or one number for all, by which a patch may leave the image; in
            [0, size). An image smaller than the patch lies in it at a random place.

    Raises:
        ValueError: a fraction out of range.
    """

    size: Sequence[int] | int
    object_fraction: float = 0.7
    foreground_fraction: float = 0.0
    foreground_above: float = 0.0
    overhang: Sequence[int] | int = 0

    def __post_init__(self) -> None:
        if min(self.object_fraction, self.foreground_fraction) < 0 or self.object_fraction + self.foreground_fraction > 1:
            raise ValueError(f"{self}: fractions must not be negative, and their sum at most 1")


@dataclass(frozen=True)
class WarpRanges:
    """How far patches are turned and deformed. What is not flipped, swapped, rotated, scaled or deformed stays exact.

    Args:
        prob: probability that a patch is rotated, scaled and sheared, and again that it is deformed; in [0, 1].
        rotation: largest angle about each axis, degrees; in 2D the one angle.
        scale: largest factor, 1 or more, of all axes together; as likely enlarged as made smaller.
        stretch: largest further factor of each axis by itself.
        shear: largest slope between two axes.
        elastic: largest displacement, voxels of the patch; at most a sixth of ``elastic_spacing``.
        elastic_spacing: voxels between the control points of the deformation.
        flip_prob: probability of each axis in ``flip_axes``.
    """

    prob: float = 1.0
    rotation: float = 0.0
    scale: float = 1.0
    stretch: float = 1.0
    shear: float = 0.0
    elastic: float = 0.0
    elastic_spacing: float = 24.0
    flip_prob: float = 0.0
    flip_axes: Sequence[int] = (0, 1, 2)
    swap_prob: float = 0.0
    swap_axes: Sequence[int] = (0, 1)

    def __post_init__(self) -> None:
        if not all(0 <= p <= 1 for p in (self.prob, self.flip_prob, self.swap_prob)):
            raise ValueError(f"{self}: probabilities must lie in [0, 1]")
        if min(self.scale, self.stretch) < 1 or min(self.rotation, self.shear, self.elastic) < 0:
            raise ValueError(f"{self}: scale and stretch must be at least 1, and rotation, shear and elastic not negative")
        if self.elastic > self.elastic_spacing / 6:
            raise ValueError(f"{self}: elastic must be at most a sixth of elastic_spacing, so that space does not fold")

    def draw_matrix(self, random: np.random.RandomState, dims: int, spacing: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """From directions of the patch to those of the image, (D, D); rotation, scale and shear are in mm of voxels with a ``spacing``.

        ``strength``, in [0, 1], multiplies ``prob``.
        """
        draws = random.uniform(-1, 1, 2 + 2 * dims + dims * dims)
        flips, swap, bend = random.random_sample(dims), random.random_sample(), random.random_sample()
        matrix = np.eye(dims)
        if bend < self.prob * strength:
            turned = _rotation(radians(self.rotation) * draws[2 : 2 + dims], dims)
            factors = np.exp(-log(self.scale) * draws[0] - log(self.stretch) * draws[2 + dims : 2 + 2 * dims])
            sheared = np.eye(dims) + self.shear * np.triu(draws[2 + 2 * dims :].reshape(dims, dims), 1)
            bent = turned @ sheared @ np.diag(factors)
            if not np.array_equal(bent, matrix):
                matrix = bent * spacing / spacing[:, None]
        for axis in self.flip_axes:
            if axis < dims and flips[axis] < self.flip_prob:
                matrix[:, axis] *= -1
        if swap < self.swap_prob:
            first, second = self.swap_axes
            matrix[:, [first, second]] = matrix[:, [second, first]]
        return matrix

    def draw_control(self, random: np.random.RandomState, size: Sequence[int], strength: float = 1.0) -> Tensor | None:
        """Displacements for a Warp of that size."""
        numbers = control_points(size, self.elastic_spacing)
        bend, amount = random.random_sample(), random.random_sample()
        if self.elastic == 0 or bend >= self.prob * strength:
            return None
        return torch.from_numpy(random.uniform(-1, 1, (len(size), *numbers)) * amount * self.elastic)


class RandWarpBoxesd(Randomizable, Transform):
    """Take a random patch of ``image``, a plain tensor (C, *spatial), with its ``target``, and ``affine`` if there is one.

    Crop, rotation, scaling, shear, flips, transposition and elastic deformation are one mapping, applied by a single interpolation
    that reads no more of the image than the patch shows, on the image's device. Boxes, masks and the affine follow it (the affine but
    for the elastic part). The input is never written to. An item's ``strength``, in [0, 1], if there is one, multiplies the probability
    that its patch is bent.

    Args:
        sampling: places of the patches; or ``size`` alone.
        ranges: of the mapping.
        rule: what becomes of objects that the patch cuts.
        extents: what a turned box is tight around: "block" (all of its corners), "ellipsoid" (inscribed in it), or "mask" (the voxels of
            the target's mask; blocks without one).
        label_pairs: classes, such as left and right, that become each other in a mirror image: after an odd number of flips and swaps.
        device: of the patches; None for that of the image. Only the region that a patch shows is moved.
        padding_mode: what lies beyond the image: "reflect", where mirror images of objects are ignored, or "zeros". Reflection hides
            where the image ends; where its border cuts many objects, zeros show it.

    Raises:
        ValueError: an unknown kind of extents or padding, or axes swapped whose patch sides differ.
    """

    def __init__(
        self,
        sampling: PatchSampling | Sequence[int] | int,
        ranges: WarpRanges | None = None,
        rule: VisibilityRule | None = None,
        extents: str = "ellipsoid",
        label_pairs: Sequence[Sequence[int]] = (),
        device: torch.device | str | None = None,
        padding_mode: str = "reflect",
    ):
        if extents not in EXTENTS:
            raise ValueError(f"extents is {extents!r}: choose one of {', '.join(EXTENTS)}")
        self.sampling = sampling if isinstance(sampling, PatchSampling) else PatchSampling(sampling)
        self.ranges, self.rule, self.extents = ranges or WarpRanges(), rule or VisibilityRule(), extents
        self.label_pairs, self.device = [tuple(pair) for pair in label_pairs], device
        self.padding_mode = check_padding_mode(padding_mode)

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return self.apply(data, self.draw(data))

    def draw(self, data: Mapping[str, Any]) -> Warp:
        """The mapping of the next patch of an item."""
        dims = data["image"].ndim - 1
        size = tuple(ensure_tuple_rep(self.sampling.size, dims))
        self._check_swap(size)
        spacing = np.ones(dims)
        if "affine" in data:
            spacing = np.linalg.norm(np.asarray(data["affine"], dtype=np.float64)[:dims, :dims], axis=0)
        strength = data.get("strength", 1.0)
        matrix = torch.from_numpy(self.ranges.draw_matrix(self.R, dims, spacing, strength))
        control = self.ranges.draw_control(self.R, size, strength)
        middle = self._draw_center(data, size, matrix)
        offset = middle - matrix @ (torch.tensor(size, dtype=torch.float64) / 2)
        whole = Warp(size, matrix, offset.round(), control, self.ranges.elastic_spacing)
        return whole if whole.is_exact else replace(whole, offset=offset)

    def apply(self, data: Mapping[str, Any], warp: Warp) -> dict[str, Any]:
        """The patch of an item that a mapping gives."""
        image, target = data["image"], data["target"]
        result = dict(data) | {
            "image": read_warped(image, warp, device=self.device, padding_mode=self.padding_mode),
            "target": self._move(target, warp, tuple(image.shape[1:])),
        }
        if "affine" in data:
            dims = image.ndim - 1
            step = torch.eye(dims + 1, dtype=torch.float64)
            step[:dims, :dims] = warp.matrix
            step[:dims, dims] = warp.offset + warp.matrix.sum(dim=1) / 2 - 0.5
            result["affine"] = data["affine"] @ step.to(data["affine"].dtype)
        return result

    def _check_swap(self, size: tuple[int, ...]) -> None:
        if self.ranges.swap_prob:
            first, second = self.ranges.swap_axes
            if size[first] != size[second]:
                raise ValueError(f"axes {first} and {second} of patches {size} differ in size: swap others, or make patches square")

    def _move(self, target: Target, warp: Warp, image_size: tuple[int, ...]) -> Target:
        if self.extents == "mask" and target.mask is not None:
            boxes = warp_masked_boxes(target.boxes, target.labels, target.mask, warp)
        else:
            boxes = warp_boxes(target.boxes, warp, round_objects=self.extents == "ellipsoid")
        labels, ignored, in_region = target.labels, target.ignored, target.in_region
        if self.padding_mode == "reflect":
            copies, sources = mirror_images(target.boxes, warp, image_size)
            boxes = torch.cat([boxes, warp_boxes(copies, warp, round_objects=self.extents != "block")])
            labels, ignored = torch.cat([labels, labels[sources]]), torch.cat([ignored, torch.ones_like(ignored[sources])])
            in_region = None if in_region is None else torch.cat([in_region, in_region[sources]])
        exchanged = bool(self.label_pairs) and bool(warp.matrix.det() < 0)
        if exchanged:
            labels = _exchange(labels, self.label_pairs)
        moved = self.rule(Target(boxes, labels, ignored, in_region=in_region), [0] * len(warp.size), warp.size)
        mask = None if target.mask is None else self._read_mask(target.mask, warp)
        if mask is not None and exchanged:
            mask = (_exchange(mask.long() - 1, self.label_pairs) + 1).to(mask.dtype)
        region = None if target.ignored_region is None else self._read_mask(target.ignored_region, warp)
        return replace(moved, mask=mask, ignored_region=region, cut=_cut_faces(warp, image_size))

    def _read_mask(self, mask: Tensor, warp: Warp) -> Tensor:
        return read_warped(mask[None], warp, nearest=True, device=self.device, padding_mode=self.padding_mode)[0]

    def _draw_center(self, data: Mapping[str, Any], size: tuple[int, ...], matrix: Tensor) -> Tensor:
        """The image's place (D,) at the middle of the patch."""
        draws = self.R.random_sample(1 + len(size) + 1)
        tries = self.R.random_sample((16, len(size)))
        lowest, highest = self._center_range(data["image"].shape[1:], size, matrix)
        target, kind = data["target"], draws[0]
        candidates = (~target.ignored).nonzero().flatten()
        if len(candidates) and kind < self.sampling.object_fraction:
            box = target.boxes[candidates[int(draws[-1] * len(candidates))]].double()
            return _around(box, size, matrix, torch.from_numpy(draws[1:-1]), lowest, highest)
        places = lowest + torch.from_numpy(tries) * (highest - lowest)
        if kind >= 1 - self.sampling.foreground_fraction:
            limits = torch.tensor(data["image"].shape[1:]) - 1
            voxels = torch.minimum(places.long().clamp(min=0), limits)
            shown = data["image"][(slice(None), *voxels.to(data["image"].device).T)].amax(dim=0) > self.sampling.foreground_above
            return places[int(shown.int().argmax())]
        return places[0]

    def _center_range(self, image_size: Sequence[int], size: tuple[int, ...], matrix: Tensor) -> tuple[Tensor, Tensor]:
        overhang = ensure_tuple_rep(self.sampling.overhang, len(size))
        if any(not 0 <= margin < length for margin, length in zip(overhang, size)):
            raise ValueError(f"overhang {tuple(overhang)} must be 0 or more and less than the patch {size}")
        extent = torch.tensor(image_size, dtype=torch.float64)
        half = (matrix.square() @ (torch.tensor(size, dtype=torch.float64) / 2).square()).sqrt()
        ends = torch.stack([half, extent - half])
        lowest, highest = ends.amin(dim=0), ends.amax(dim=0)
        if (matrix != matrix.round()).any():  # a turned patch that cannot fit shows more than the image wherever it lies
            inner = extent.minimum(2 * half) / 4
            lowest, highest = lowest.maximum(inner), highest.minimum(extent - inner)
        margin = torch.tensor(overhang, dtype=torch.float64)
        return lowest - margin, highest + margin


def _around(box: Tensor, size: Sequence[int], matrix: Tensor, draws: Tensor, lowest: Tensor, highest: Tensor) -> Tensor:
    """A middle such that the patch contains the box, or is filled by it along axes where it does not fit."""
    inverse = invert(matrix)
    half = inverse.abs() @ (box_sizes(box).double() / 2)
    play = ((torch.tensor(size, dtype=torch.float64) / 2 - half).abs() - 0.5).clamp(min=0)  # the corner may be rounded
    lower, upper = box.chunk(2)
    center = (lower + upper) / 2
    middle = center - matrix @ ((2 * draws - 1) * play)
    middle = torch.minimum(torch.maximum(middle, lowest), highest)
    place = (inverse @ (center - middle)).clamp(-play, play)  # showing the object matters more than staying in the image
    return center - matrix @ place


def _cut_faces(warp: Warp, image_size: tuple[int, ...]) -> Tensor:
    """Beyond which lower and upper faces (2D,) of a patch the image goes on."""
    places = _beyond_faces(warp.size) @ warp.matrix.T + warp.offset
    return ((places > 0) & (places < torch.tensor(image_size))).all(dim=-1).any(dim=-1)


@lru_cache(maxsize=8)
def _beyond_faces(size: tuple[int, ...]) -> Tensor:
    """Places (2D, K, D) half a voxel beyond each face of a patch."""
    axes = [torch.linspace(0.5, length - 0.5, FACE_POINTS, dtype=torch.float64) for length in size]
    found = []
    for upper in (False, True):
        for axis, length in enumerate(size):
            outside = torch.tensor([length + 0.5 if upper else -0.5], dtype=torch.float64)
            found.append(torch.cartesian_prod(*(outside if a == axis else places for a, places in enumerate(axes))))
    return torch.stack(found)


def _rotation(angles: np.ndarray, dims: int) -> np.ndarray:
    """One after the other about each axis; in 2D by the first angle."""
    planes = [(0, 1)] if dims == 2 else [(1, 2), (0, 2), (0, 1)]
    found = np.eye(dims)
    for (first, second), angle in zip(planes, angles):
        turn = np.eye(dims)
        turn[[first, second], [first, second]] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        found = found @ turn
    return found


def _exchange(labels: Tensor, pairs: Sequence[tuple[int, ...]]) -> Tensor:
    result = labels.clone()
    for first, second in pairs:
        result[labels == first], result[labels == second] = second, first
    return result
