"""Boxes in world coordinates, and their way to the voxels of an image after any resampling."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import torch
from monai.data import MetaTensor
from monai.transforms import MapTransform, ResampleToMatch, Transform
from torch import Tensor

from medtk_monai.box_ops import apply_affine, boxes_from_world, clip_boxes, spatial_affine, visible_fractions
from medtk_monai.errors import DataError
from medtk_monai.structures import Target


@dataclass(frozen=True)
class WorldBoxes:
    """Boxes in RAS world coordinates.

    Args:
        centers: (N, D) float64, mm.
        sizes: (N, D) float64, mm, along the columns of ``direction``.
        direction: (D, D) float64, unit columns.
        stated_space: the frame that the file named, "RAS" or "LPS"; "" where the boxes come from a label map.
    """

    centers: Tensor
    sizes: Tensor
    direction: Tensor
    stated_space: str = ""

    def __len__(self) -> int:
        return len(self.centers)

    def mirrored(self) -> WorldBoxes:
        """The same numbers read in the other of the frames RAS and LPS: the first two world axes change sign."""
        flip = self.centers.new_ones(self.centers.shape[1])
        flip[:2] = -1
        return WorldBoxes(self.centers * flip, self.sizes, self.direction * flip[:, None], self.stated_space)


class WorldToVoxelBoxesd(Transform):
    """Turn ``world_boxes`` into a Target on the image's grid; use it after Orientationd, Spacingd and other resampling.

    Replaces ``world_boxes``, ``labels``, ``ignored``, ``mask`` and ``ignored_region`` by ``target``; where no mask tells what ignored
    objects cover, it is the ellipsoids in their boxes. Adds ``affine``, (D + 1, D + 1) float64, voxel centers of
    ``image`` -> world mm, and ``image_path``, the image's file (str; not earlier, as MONAI's Spacingd takes keys that begin with
    "image_" for metadata). Boxes that stick out of the image are clipped to it.

    Raises:
        DataError: a box lies wholly outside the image, or more than half of the centers do.
        TypeError: the image is no MetaTensor, so that its affine is unknown.
    """

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        data = dict(data)
        image = data["image"]
        if not isinstance(image, MetaTensor):
            raise TypeError("WorldToVoxelBoxesd needs a MetaTensor: put it before ToPlainTensord and leave meta tracking on")
        size = tuple(image.shape[1:])
        world: WorldBoxes = data.pop("world_boxes")
        affine = spatial_affine(image.affine, len(size))
        _check_frame(world, affine, size, str(data.get("case_id", "")))
        boxes = boxes_from_world(world.centers, world.sizes, world.direction, affine)
        outside = (visible_fractions(boxes, size) == 0).nonzero().flatten().tolist()
        if outside:
            what = f"box {outside[0]}, voxels {[round(value, 1) for value in boxes[outside[0]].tolist()]}, lies outside the image {size}"
            raise DataError(what, str(data.get("case_id", "")), "correct or remove the box, or crop the image less")
        mask = data.pop("mask").as_tensor()[0].to(torch.uint8) if "mask" in data else None
        ignored = data.pop("ignored")
        masked = data.pop("ignored_region", None)
        region = _region(boxes, ignored, masked, image)
        in_region = None if region is None else ignored
        numbers = None if region is None or masked is None else number_chosen(ignored)
        target = Target(clip_boxes(boxes, size), data.pop("labels"), ignored, None, mask, region, in_region, numbers)
        return data | {"target": target, "affine": affine, "image_path": str(image.meta.get("filename_or_obj", ""))}


def number_chosen(chosen: Tensor) -> Tensor:
    """(N,) bool -> int64: 1, 2, ... for the chosen ones in their order, 0 for others."""
    return chosen.cumsum(0) * chosen


def _region(boxes: Tensor, ignored: Tensor, masked: MetaTensor | None, image: MetaTensor) -> Tensor | None:
    """What ignored objects cover on the image's grid, (*spatial): their masks, numbered, or else ellipsoids; None without such objects."""
    if not ignored.any():
        return None
    if masked is None:
        return _ellipsoids(boxes[ignored], tuple(image.shape[1:]))
    same_grid = masked.shape[1:] == image.shape[1:] and torch.allclose(masked.affine, image.affine, atol=1e-4)
    moved = masked if same_grid else ResampleToMatch(mode="nearest", padding_mode="zeros")(masked, image)
    return torch.as_tensor(moved)[0].to(masked.dtype)


def _ellipsoids(boxes: Tensor, size: tuple[int, ...]) -> Tensor:
    """(*size) uint8, 1 in the ellipsoid in one of the boxes (N, 2D)."""
    region = torch.zeros(size, dtype=torch.uint8)
    for box in boxes:
        near, inside = ellipsoid_in(box, size)
        region[near] |= inside.to(torch.uint8)
    return region


def ellipsoid_in(box: Tensor, size: tuple[int, ...]) -> tuple[tuple[slice, ...], Tensor]:
    """The part of an image of ``size`` that a box (2D,) covers, and where in it the middle of a voxel lies in the ellipsoid in the box."""
    lower, upper = (part.tolist() for part in box.double().chunk(2))
    near = tuple(slice(max(int(low), 0), min(ceil(high), n)) for low, high, n in zip(lower, upper, size))
    distance = torch.zeros(())
    for axis, (part, low, high) in enumerate(zip(near, lower, upper)):
        steps = (torch.arange(part.start, part.stop) + 0.5 - (low + high) / 2) / max((high - low) / 2, 0.5)
        distance = distance + steps.square().view(-1, *(1,) * (len(size) - axis - 1))
    return near, distance <= 1


def _check_frame(world: WorldBoxes, affine: Tensor, size: tuple[int, ...], case: str) -> None:
    """Complain if most centers miss the image, which a wrong frame does but single mistakes do not."""
    missed = ~_inside(world, affine, size)
    if missed.sum() * 2 <= len(world):
        return
    what = f"{int(missed.sum())} of {len(world)} box centers lie outside the image: the coordinates look like the wrong frame"
    if not world.stated_space:
        raise DataError(what, case, "check that the label map and the image are of one scan and that their headers agree")
    other = "LPS" if world.stated_space == "RAS" else "RAS"
    if _inside(world.mirrored(), affine, size).all():
        raise DataError(f"{what}; all lie inside if read as {other}", case, f'"space" should be "{other}"')
    raise DataError(what, case, f"boxes must be center and size in world mm of this image; reading them as {other} does not help")


def _inside(world: WorldBoxes, affine: Tensor, size: tuple[int, ...]) -> Tensor:
    """(N,) bool: whether a box center lies inside the image."""
    positions = apply_affine(world.centers, torch.linalg.inv(affine)) + 0.5
    return ((positions >= 0) & (positions < positions.new_tensor(size))).all(dim=1)


class ToPlainTensord(MapTransform):
    """Turn MetaTensors into plain, contiguous float32 tensors, which are several times faster in every operation.

    Args:
        keys: of the images.
    """

    def __init__(self, keys: Sequence[str] | str = ("image",)):
        super().__init__(keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        result = dict(data)
        for key in self.key_iterator(data):
            image = data[key].as_tensor() if isinstance(data[key], MetaTensor) else data[key]
            result[key] = torch.as_tensor(image, dtype=torch.float32).contiguous()
        return result
