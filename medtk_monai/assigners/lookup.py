"""Which priors lie near an object or overlap it: read off the regular grid, so that the cost follows what is found, not all priors.

A selection of priors has no grid; then all of them are compared. So they are where objects and priors are few, which is faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor, prod

import torch
from torch import Tensor

from medtk_monai.box_ops import box_centers, box_sizes
from medtk_monai.structures import Priors

FEW = 30_000
"""Up to so many pairs of an object and a prior are all compared."""
TOLERANCE = 1e-3
"""Cells are looked up this much farther than asked, voxels; what is found is then compared exactly."""


@dataclass(frozen=True)
class Pairs:
    """Objects with priors that may learn them.

    Args:
        objects: (K,) int64.
        priors: (K,) int64.
    """

    objects: Tensor
    priors: Tensor

    def __len__(self) -> int:
        return len(self.objects)

    def __getitem__(self, index: Tensor) -> Pairs:
        return Pairs(self.objects[index], self.priors[index])

    @staticmethod
    def of_rows(priors: Tensor) -> Pairs:
        """Row i of (N, K) prior indices holds those of object i."""
        return Pairs(torch.arange(len(priors), device=priors.device).repeat_interleave(priors.shape[1]), priors.flatten())

    @staticmethod
    def cat(parts: Sequence[Pairs]) -> Pairs:
        return Pairs(torch.cat([part.objects for part in parts]), torch.cat([part.priors for part in parts]))


@dataclass(frozen=True)
class _Lattice:
    """The cells of one level.

    Args:
        first_prior: index of the first cell's first prior.
        priors_per_cell: A.
        cells: along each axis.
        corner: (D,) center of the first cell, voxels.
        stride: (D,).
        shapes: (A, D) sides of a cell's priors.
    """

    first_prior: int
    priors_per_cell: int
    cells: tuple[int, ...]
    corner: Tensor
    stride: Tensor
    shapes: Tensor


def _lattices(priors: Priors) -> Iterator[_Lattice]:
    assert priors.grid is not None
    start = 0
    for cells, per_cell, length in zip(priors.grid.feature_sizes, priors.grid.priors_per_cell, priors.grid.level_lengths):
        if length:
            first = priors.boxes[start : start + per_cell]
            yield _Lattice(start, per_cell, cells, box_centers(first[0]), priors.strides[start], box_sizes(first))
        start += length


def _compare_all(priors: Priors, objects: Tensor) -> bool:
    return priors.grid is None or len(priors) * len(objects) <= FEW


def priors_inside(priors: Priors, boxes: Tensor) -> Pairs:
    """All priors whose center lies in a box (N, 2D), which is half open."""
    lower, upper = boxes.chunk(2, dim=-1)
    if _compare_all(priors, boxes):
        centers = priors.centers[None]
        found = ((centers >= lower[:, None]) & (centers < upper[:, None])).all(dim=-1).nonzero()
        return Pairs(found[:, 0], found[:, 1])
    pairs = Pairs.cat([_expand(level, _cells_between(level, lower, upper), None) for level in _lattices(priors)])
    centers = priors.centers[pairs.priors]
    return pairs[((centers >= lower[pairs.objects]) & (centers < upper[pairs.objects])).all(dim=-1)]


def priors_overlapping(priors: Priors, boxes: Tensor, min_iou: float = 0.0) -> Pairs:
    """All priors whose box overlaps a box (N, 2D), but perhaps not those below an IoU."""
    lower, upper = boxes.chunk(2, dim=-1)
    if _compare_all(priors, boxes):
        found = ((priors.boxes[None].chunk(2, -1)[0] < upper[:, None]) & (priors.boxes[None].chunk(2, -1)[1] > lower[:, None])).all(-1)
        return Pairs(*found.nonzero().unbind(dim=1))
    pairs = Pairs.cat([_expand_shapes(level, boxes, min_iou) for level in _lattices(priors)])
    if min_iou > 0:
        return pairs
    found_lower, found_upper = priors.boxes[pairs.priors].chunk(2, dim=-1)
    return pairs[((found_lower < upper[pairs.objects]) & (found_upper > lower[pairs.objects])).all(dim=-1)]


def _expand_shapes(level: _Lattice, boxes: Tensor, min_iou: float) -> Pairs:
    """The priors of a level that are near enough to N boxes for an IoU.

    The IoU of two boxes is at most that of their sides along any axis, and at most that of the same two boxes with one center.
    """
    sizes, shapes = box_sizes(boxes)[:, None], level.shapes
    reach = (sizes + shapes) * ((1 - min_iou) / (2 * (1 + min_iou)))
    shared = torch.minimum(sizes, shapes).prod(dim=-1)
    hopeless = shared < (min_iou - TOLERANCE) * (sizes.prod(dim=-1) + shapes.prod(dim=-1) - shared)
    centers = box_centers(boxes)[:, None]
    first, numbers = _cells_between(level, (centers - reach).flatten(0, 1), (centers + reach).flatten(0, 1))
    pairs = _expand(level, (first, numbers.masked_fill(hopeless.view(-1, 1), 0)), 0)
    return Pairs(pairs.objects // len(shapes), pairs.priors + pairs.objects % len(shapes))


def nearest_priors(priors: Priors, centers: Tensor, count: int, scale: Tensor | float = 1.0) -> tuple[Tensor, Tensor]:
    """The priors nearest to each of N centers (N, D), of each level.

    Args:
        count: wanted cells of each level; all priors of a cell are taken.
        scale: mm per voxel, for distances in mm.

    Returns:
        Their indices (N, K) int64, level by level and within a level the nearest first, and their distances (N, K).
    """
    scale = torch.as_tensor(scale, dtype=torch.float32, device=centers.device)
    if _compare_all(priors, centers):
        parts = _nearest_of_all(priors, centers, count, scale)
    else:
        parts = [_nearest_of_level(level, centers, count, scale) for level in _lattices(priors)]
    if not parts:
        return torch.zeros(len(centers), 0, dtype=torch.int64, device=centers.device), centers.new_zeros(len(centers), 0)
    indices, distances = zip(*parts)
    return torch.cat(indices, dim=1), torch.cat(distances, dim=1)


def _nearest_of_all(priors: Priors, centers: Tensor, count: int, scale: Tensor) -> list[tuple[Tensor, Tensor]]:
    squared = ((centers[:, None] - priors.centers) * scale).square().sum(dim=-1)
    parts = []
    for here, per_cell in _sections(priors):
        nearest = squared[:, here].topk(min(count * per_cell, len(here)), largest=False)
        parts.append((here[nearest.indices], nearest.values.sqrt()))
    return parts


def _sections(priors: Priors) -> Iterator[tuple[Tensor, int]]:
    """The priors of each level that has some, and how many a cell has."""
    if priors.grid is None:
        for level in priors.levels.unique().tolist():
            here = (priors.levels == level).nonzero()[:, 0]
            # Selections do not say how many priors a cell has, but those of one cell share their center.
            yield here, int(priors.centers[here].unique(dim=0, return_counts=True)[1].max())
        return
    everyone = torch.arange(len(priors), device=priors.levels.device)
    for here, per_cell in zip(everyone.split(list(priors.grid.level_lengths)), priors.grid.priors_per_cell):
        if len(here):
            yield here, per_cell


def _nearest_of_level(level: _Lattice, centers: Tensor, count: int, scale: Tensor) -> tuple[Tensor, Tensor]:
    """As ``nearest_priors``, from a block of cells around each center that holds the nearest for certain."""
    stride = level.stride * scale.expand_as(level.stride)
    count = min(count, prod(level.cells))
    block = _smallest_block(level.cells, stride.tolist(), count)
    place = (centers - level.corner) / level.stride
    last = torch.tensor([n - 1 for n in level.cells], device=centers.device)
    outside = (torch.maximum(-place, place - last).clamp(min=0) * stride).amax(dim=0) if len(centers) else torch.zeros_like(stride)
    reach = ((torch.tensor(block, device=centers.device) * stride + outside).square().sum().sqrt() / stride).tolist()
    widths = [min(n, floor(2 * r) + 2) for n, r in zip(level.cells, reach)]
    limit = torch.tensor([n - w for n, w in zip(level.cells, widths)], device=centers.device)
    start = torch.minimum((place - place.new_tensor(reach)).floor().clamp(min=0).long(), limit)
    axes = [torch.arange(w, device=centers.device) for w in widths]
    squared = centers.new_zeros(())
    index = torch.zeros((), dtype=torch.int64, device=centers.device)
    for axis, steps in enumerate(axes):
        shape = [-1, *(1,) * axis, len(steps), *(1,) * (len(axes) - axis - 1)]
        cell = (start[:, axis, None] + steps).view(shape)
        squared = squared + ((cell - place[:, axis].view(-1, *(1,) * len(axes))) * stride[axis]).square()
        index = index * level.cells[axis] + cell
    nearest = squared.flatten(1).topk(count, largest=False)
    cells = index.flatten(1).gather(1, nearest.indices)
    first = level.first_prior + cells * level.priors_per_cell
    anchors = torch.arange(level.priors_per_cell, device=centers.device)
    return (first[..., None] + anchors).flatten(1), nearest.values.sqrt().repeat_interleave(level.priors_per_cell, dim=1)


def _smallest_block(cells: Sequence[int], stride: Sequence[float], count: int) -> list[int]:
    """Cells along each axis of a block, as compact as can be, of at least ``count`` cells."""
    block = [1] * len(cells)
    while prod(block) < count:
        growing = [axis for axis, n in enumerate(cells) if block[axis] < n]
        axis = min(growing, key=lambda a: block[a] * stride[a])
        block[axis] += 1
    return block


def _cells_between(level: _Lattice, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    """First cells (N, D) whose centers lie between two corners (N, D), and their numbers (N, D)."""
    last = torch.tensor(level.cells, device=lower.device) - 1
    first = ((lower - level.corner - TOLERANCE) / level.stride).ceil().clamp(min=0).long()
    end = torch.minimum(((upper - level.corner + TOLERANCE) / level.stride).floor().long(), last)
    return first, (end - first + 1).clamp(min=0)


def _expand(level: _Lattice, ranges: tuple[Tensor, Tensor], anchor: int | None) -> Pairs:
    """Lists the cells of a range for each object, with one prior of each cell or all."""
    first, numbers = ranges
    totals = numbers.prod(dim=1)
    objects = torch.repeat_interleave(torch.arange(len(totals), device=totals.device), totals)
    rest = torch.arange(len(objects), device=totals.device) - (totals.cumsum(0) - totals)[objects]
    index, step = torch.zeros_like(rest), 1
    for axis in reversed(range(first.shape[1])):
        lengths = numbers[objects, axis]
        index = index + (first[objects, axis] + rest % lengths) * step
        rest, step = rest // lengths, step * level.cells[axis]
    priors = level.first_prior + index * level.priors_per_cell
    if anchor is not None:
        return Pairs(objects, priors + anchor)
    anchors = torch.arange(level.priors_per_cell, device=priors.device)
    return Pairs(objects.repeat_interleave(len(anchors)), (priors[:, None] + anchors).flatten())
