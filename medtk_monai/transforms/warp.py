"""Rotation, scaling, shear, flip, shift and smooth deformation of a patch as one mapping, of images, boxes, points and masks alike.

Places are in voxels, and voxel i covers [i, i + 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import ceil, floor

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from medtk_monai.box_ops import box_centers, box_sizes, boxes_from_centers
from medtk_monai.reflection import read_region

STEEPEST = 1 / 6
"""Displacements below this share of the control points' spacing cannot fold space: in 3D their slopes sum to less than 1."""
PRECISION, ITERATIONS = 1e-3, 50
"""The inverse of a deformation is sought until its steps are so short, voxels, or for so many steps; a few are enough but for the
steepest."""


@dataclass(frozen=True)
class Warp:
    """Where a patch comes from: its place p shows place ``matrix @ (p + u(p)) + offset`` of the image.

    The displacement u is a uniform cubic B-spline (Rueckert et al., IEEE TMI 1999).

    Args:
        size: D sides of the patch, voxels.
        matrix: (D, D) float64, invertible.
        offset: (D,) float64, the image's place at the patch's corner.
        control: (D, *k) float64 displacements at control points, voxels of the patch; None for none. Point j of an axis stands at
            ``(j - 1) * spacing``, so that ``control_points`` of them are needed.
        spacing: voxels between control points.

    Raises:
        ValueError: displacements so large that they might fold space.
    """

    size: tuple[int, ...]
    matrix: Tensor
    offset: Tensor
    control: Tensor | None = None
    spacing: float = 16.0

    def __post_init__(self) -> None:
        if self.control is not None and self.control.abs().max() > STEEPEST * self.spacing:
            largest = float(self.control.abs().max())
            raise ValueError(f"displacements of {largest:.3g} voxels fold space: at most spacing / 6 = {STEEPEST * self.spacing:.3g}")

    def to_image(self, places: Tensor) -> Tensor:
        """Places (N, D) of the patch -> of the image, float64."""
        places = places.double()
        return (places + self._displacements(places)) @ self.matrix.T + self.offset

    def to_patch(self, places: Tensor) -> Tensor:
        """Places (N, D) of the image -> of the patch, also outside of it, float64."""
        straight = (places.double() - self.offset) @ self.inverse.T
        found, moved = straight, straight
        for _ in range(ITERATIONS if self.control is not None and len(places) else 0):
            moved, found = found, straight - self._displacements(found)
            if (moved - found).abs().max() < PRECISION:
                break
        return found

    def _displacements(self, places: Tensor) -> Tensor:
        """(N, D); beyond the patch those of its border go on."""
        if self.control is None:
            return torch.zeros_like(places)
        index = torch.zeros(len(places), 1, dtype=torch.int64)
        weights = torch.ones(len(places), 1, dtype=places.dtype)
        for axis, (length, number) in enumerate(zip(self.size, self.control.shape[1:])):
            along = places[:, axis].clamp(0, length)
            taps = (along / self.spacing).floor().long()[:, None] + torch.arange(4)  # no other control point has a weight
            share = _spline_weight(along[:, None] / self.spacing - (taps - 1))
            index = (index[:, :, None] * number + taps[:, None]).flatten(1)
            weights = (weights[:, :, None] * share[:, None]).flatten(1)
        return (self.control.flatten(1).T[index] * weights[..., None]).sum(dim=1)

    def sampling_grid(self, device: torch.device | str, scale: Tensor, shift: Tensor) -> Tensor:
        """The image index that each voxel of the patch shows, times a scale (D,) and plus a shift (D,): (D, *size) float32.

        Index 0 is the center of the first voxel. The image's last axis comes first, as ``grid_sample`` wants it.
        """
        dims, last = len(self.size), self.size[-1]
        matrix = (scale[:, None] * self.matrix).flip(0)
        start = (scale * (self.offset - 0.5) + shift).flip(0)
        centers = [torch.arange(n, dtype=torch.float64) + 0.5 for n in self.size]
        found = torch.empty(dims, *self.size, dtype=torch.float32, device=device)
        for row, along, begin in zip(found, matrix, start):
            terms = [(factor * center).to(device, torch.float32) for factor, center in zip(along, centers)]
            shaped = [term.view(*(-1 if d == axis else 1 for d in range(dims))) for axis, term in enumerate(terms)]
            torch.add(sum(shaped[1:-1], shaped[0] + float(begin)), shaped[-1], out=row)
        if self.control is not None:
            dense = torch.tensordot(matrix, self.control, dims=1).to(device, torch.float32)
            weights = [_spline(center, dense.shape[axis], self.spacing).to(device, torch.float32) for axis, center in enumerate(centers, 1)]
            for axis, weight in enumerate(weights[:-1], 1):
                dense = torch.tensordot(weight, dense, dims=([1], [axis])).movedim(0, axis)
            flat = found.view(dims, -1, last)
            found = torch.baddbmm(flat, dense.reshape(dims, -1, dense.shape[-1]), weights[-1].T.expand(dims, -1, -1)).view(found.shape)
        return found

    def bounds(self) -> tuple[list[float], list[float]]:
        """Lowest and highest image index of each axis that the patch may show."""
        corners = torch.tensor(list(product(*((0.5, n - 0.5) for n in self.size))), dtype=torch.float64)
        places = corners @ self.matrix.T + self.offset - 0.5
        reach = torch.zeros(len(self.size), dtype=torch.float64)
        if self.control is not None:  # no spline leaves the hull of its control points
            reach = torch.tensordot(self.matrix, self.control, dims=1).abs().flatten(1).amax(dim=1)
        return (places.amin(dim=0) - reach).tolist(), (places.amax(dim=0) + reach).tolist()

    @cached_property
    def inverse(self) -> Tensor:
        """(D, D) float64, of the matrix."""
        return invert(self.matrix)

    @cached_property
    def is_exact(self) -> bool:
        """Whether voxels are only moved: crops, flips and transpositions."""
        if self.control is not None:
            return False
        matrix, offset = self.matrix.numpy(), self.offset.numpy()
        ones = np.abs(matrix)
        permutes = ((ones == 0) | (ones == 1)).all() and (ones.sum(axis=0) == 1).all() and (ones.sum(axis=1) == 1).all()
        return bool(permutes and (offset == offset.round()).all())


def invert(matrix: Tensor) -> Tensor:
    """The inverse of a (D, D) matrix on the CPU; NumPy's takes half of torch's time for so small a one."""
    return torch.from_numpy(np.linalg.inv(matrix.numpy()))


def control_points(size: Sequence[int], spacing: float) -> tuple[int, ...]:
    """How many control points along each axis cover a patch."""
    return tuple(floor(length / spacing) + 4 for length in size)


def _spline(places: Tensor, number: int, spacing: float) -> Tensor:
    """Weights (N, number) of the control points at places (N,) along an axis."""
    return _spline_weight(places[:, None] / spacing - torch.arange(number, dtype=places.dtype) + 1)


def _spline_weight(steps: Tensor) -> Tensor:
    """The cubic B-spline, ``steps`` control points away from its center."""
    away = steps.abs()
    return torch.where(away < 1, 2 / 3 - away.square() + away**3 / 2, (2 - away).clamp(min=0) ** 3 / 6)


def read_warped(
    image: Tensor, warp: Warp, nearest: bool = False, device: torch.device | str | None = None, padding_mode: str = "reflect"
) -> Tensor:
    """The patch (C, *size) of an image (C, *spatial), reflected or filled with zeros where it leaves the image.

    One interpolation, linear or of the nearest voxel, that reads only the region the patch shows; where voxels are only moved they
    keep their values exactly. Of the image's type.

    Args:
        device: where the region is taken to and interpolated; None for where the image is.
        padding_mode: "reflect" or "zeros".
    """
    device = image.device if device is None else torch.device(device)
    if warp.is_exact:
        return _read_moved(image, warp, device, padding_mode)
    reflect = padding_mode == "reflect"
    ranges = list(zip(*warp.bounds()))
    shown = _reflected_range if reflect else _padded_range
    region = [shown(floor(low), ceil(high), length) for (low, high), length in zip(ranges, image.shape[1:])]
    first, last = torch.tensor(region, dtype=torch.float64).T
    scale = 2 / (last - first).clamp(min=1)
    leaves = [reflect and (low < 0 or high > length - 1) for (low, high), length in zip(ranges, image.shape[1:])]
    grid = warp.sampling_grid(
        device, torch.where(torch.tensor(leaves), 1.0, scale), torch.where(torch.tensor(leaves), 0.0, -first * scale - 1)
    )
    for axis in (axis for axis, outside in enumerate(leaves) if outside):
        row = _reflect(grid[-1 - axis], image.shape[1 + axis], *ranges[axis])
        grid[-1 - axis] = row.sub_(float(first[axis])).mul_(float(scale[axis])).sub_(1)
    source = read_region(image, [begin for begin, _ in region], [end + 1 - begin for begin, end in region], padding_mode)
    source = source.to(device, non_blocking=True).to(torch.float32)
    parts = torch.get_num_threads() if device.type == "cpu" and warp.size[0] % torch.get_num_threads() == 0 else 1
    # The threads of grid_sample share a batch, not an image: cut the patch into slabs of one source.
    grid = grid.movedim(0, -1).unflatten(0, (parts, -1))
    mode = "nearest" if nearest else "bilinear"
    found = F.grid_sample(source.expand(parts, *source.shape), grid, mode=mode, padding_mode="border", align_corners=True)
    found = found.movedim(0, 1).reshape(len(image), *warp.size)
    return found.to(image.dtype) if image.dtype.is_floating_point else found.round().to(image.dtype)


def _reflect(index: Tensor, length: int, low: float, high: float) -> Tensor:
    """Indices from ``low`` to ``high`` into an axis of ``length`` voxels, reflected at both ends."""
    last = length - 1
    if last == 0:
        return torch.zeros_like(index)
    if low < -last or high > 2 * last:
        index = index.remainder(2 * last)
    return index.abs().sub_(last).abs_().neg_().add_(last)


def _reflected_range(low: int, high: int, length: int) -> tuple[int, int]:
    """The part of an axis that shows between two indices once they are reflected."""
    last = length - 1
    if low >= 0 and high <= last:
        return low, high
    if low < 0 and high <= last and low >= -last:
        return 0, max(-low, high)
    if low >= 0 and high <= 2 * last:
        return min(low, 2 * last - high), last
    return 0, last


def _padded_range(low: int, high: int, length: int) -> tuple[int, int]:
    """The part of an axis, which zeros lie around, that shows between two indices: two voxels at least, as ``grid_sample`` reads no
    fewer right."""
    return low, max(high, low + 1)


def _read_moved(image: Tensor, warp: Warp, device: torch.device, padding_mode: str) -> Tensor:
    """As ``read_warped``, for whole voxels."""
    shown = warp.matrix.abs().argmax(dim=1).tolist()  # the patch's axis that each of the image's becomes
    signs = warp.matrix.sum(dim=1).tolist()
    sizes = [warp.size[axis] for axis in shown]
    starts = [int(offset) - (size if sign < 0 else 0) for offset, size, sign in zip(warp.offset.tolist(), sizes, signs)]
    found = (
        read_region(image, starts, sizes, padding_mode)
        .to(device, non_blocking=True)
        .flip([axis + 1 for axis, sign in enumerate(signs) if sign < 0])
    )
    order = [shown.index(axis) + 1 for axis in range(len(shown))]
    return found.permute(0, *order).clone(memory_format=torch.contiguous_format)


def warp_boxes(boxes: Tensor, warp: Warp, round_objects: bool = False) -> Tensor:
    """Boxes (N, 2D) of the image, on the CPU -> the tight boxes, in the patch, of what they hold; not clipped.

    Args:
        round_objects: they hold an ellipsoid that touches all faces, not a block: tighter where a patch is turned.
    """
    half = box_sizes(boxes).double() / 2
    if warp.control is None:
        moved = warp.to_patch(box_centers(boxes))
        sides = (half.square() @ warp.inverse.square().T).sqrt() if round_objects else half @ warp.inverse.abs().T
        return boxes_from_centers(moved, 2 * sides).to(boxes.dtype)
    bends = float((warp.inverse.abs() @ half.amax(dim=0)).max()) / warp.spacing if len(half) else 0.0
    steps = min(max(5, 4 * ceil(bends) + 1), 25)
    surface = _sphere(half.shape[1], max(steps, 11)) if round_objects else _cube(half.shape[1], steps)
    points = box_centers(boxes).double()[:, None] + surface * half[:, None]
    return _hull(warp.to_patch(points.flatten(0, 1)).unflatten(0, points.shape[:2])).to(boxes.dtype)


def warp_masked_boxes(boxes: Tensor, labels: Tensor, mask: Tensor, warp: Warp) -> Tensor:
    """As ``warp_boxes``, tight around the voxels of a mask (*spatial) that have a box's label + 1; of the block where there are none."""
    found = warp_boxes(boxes, warp)
    reach = warp.inverse.abs().sum(dim=1) / 2
    sizes = torch.tensor(mask.shape)
    for number, (box, label) in enumerate(zip(boxes.cpu(), labels.tolist())):
        lower, upper = box.floor().long().chunk(2)[0], box.ceil().long().chunk(2)[1]
        lower, upper = lower.clamp(min=0), torch.minimum(upper, sizes).clamp(min=0)
        part = mask[tuple(slice(a, b) for a, b in zip(lower.tolist(), upper.tolist()))]
        voxels = (part == label + 1).nonzero()
        if len(voxels):
            hull = _hull(warp.to_patch(voxels.cpu() + lower + 0.5)[None])[0]
            found[number] = (hull + torch.cat([-reach, reach])).to(found)
    return found


def _hull(points: Tensor) -> Tensor:
    """(N, K, D) points -> (N, 2D)."""
    return torch.cat([points.amin(dim=1), points.amax(dim=1)], dim=-1)


def _cube(dims: int, steps: int) -> Tensor:
    """Points (K, D) on the faces of the cube from -1 to 1."""
    points = torch.tensor(list(product(torch.linspace(-1, 1, steps, dtype=torch.float64).tolist(), repeat=dims)), dtype=torch.float64)
    return points[(points.abs() == 1).any(dim=1)]


def _sphere(dims: int, steps: int) -> Tensor:
    """Points (K, D) on the sphere of radius 1: those of a cube, moved in."""
    points = _cube(dims, steps)
    return points / points.norm(dim=1, keepdim=True)
