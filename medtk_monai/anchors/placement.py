"""Priors of a window, numbered and placed in the whole image."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import torch

from medtk_monai.anchors.layout import PriorGenerator, per_axis
from medtk_monai.structures import PriorGrid, Priors, Window


def image_grid(generator: PriorGenerator, image_size: Sequence[int]) -> PriorGrid:
    """The grid of all priors whose cells touch an image of ``image_size`` voxels."""
    strides = [per_axis(stride, len(image_size)) for stride in generator.strides]
    sizes = tuple(tuple(ceil(n / s) for n, s in zip(image_size, stride)) for stride in strides)
    return PriorGrid(sizes, generator.priors_per_cell)


def place_in_window(
    generator: PriorGenerator, feature_sizes: Sequence[Sequence[int]], window: Window, device: torch.device | str = "cpu"
) -> tuple[Priors, torch.Tensor]:
    """The priors of a window's core, with boxes and ids of the whole image, and their positions in the window's maps.

    Every cell belongs to the core that its first voxel lies in, so that each prior of the image votes in exactly one window.

    Args:
        feature_sizes: cells per level and axis of the window's maps.
        window: its origin and core must be multiples of every stride.

    Returns:
        Priors (K,) and their indices (K,) among the window's own priors.
    """
    dims, whole = len(window.origin), image_grid(generator, window.image_size)
    strides = [per_axis(stride, dims) for stride in generator.strides]
    spans = [_core_cells(window, stride, size) for stride, size in zip(strides, feature_sizes)]
    priors = generator([tuple(high - low for low, high in span) for span in spans], device)
    local = PriorGrid(tuple(map(tuple, feature_sizes)), generator.priors_per_cell)
    positions, ids, shifts = [], [], []
    for level, (stride, span) in enumerate(zip(strides, spans)):
        corner = [round(o / s) for o, s in zip(window.origin, stride)]
        placed = [(low + c, high + c) for (low, high), c in zip(span, corner)]
        positions.append(_indices(local, level, span, device))
        ids.append(_indices(whole, level, placed, device))
        shift = torch.tensor([low * s for (low, _), s in zip(placed, stride)] * 2, device=device)
        shifts.append(shift.expand(len(ids[-1]), -1))
    boxes = priors.boxes + torch.cat(shifts)
    return Priors(boxes, priors.strides, priors.levels, torch.cat(ids), priors.points), torch.cat(positions)


def _core_cells(window: Window, stride: Sequence[float], feature_size: Sequence[int]) -> list[tuple[int, int]]:
    """First and last cell (half open) along each axis of a window's map whose first voxel lies in the core, and in the image."""
    spans = []
    for origin, low, high, size, step, cells in zip(
        window.origin, window.core_min, window.core_max, window.image_size, stride, feature_size
    ):
        first = max(ceil((low - origin) / step), 0)
        spans.append((first, max(min(ceil((min(high, size) - origin) / step), cells), first)))
    return spans


def _indices(grid: PriorGrid, level: int, span: Sequence[tuple[int, int]], device: torch.device | str) -> torch.Tensor:
    """Ids (K,) int64 of the priors of a block of cells."""
    index = torch.zeros((), dtype=torch.int64, device=device)
    for (low, high), length in zip(span, grid.feature_sizes[level]):
        index = index[..., None] * length + torch.arange(low, high, device=device)
    per_cell = grid.priors_per_cell[level]
    index = index[..., None] * per_cell + torch.arange(per_cell, device=device)
    return index.flatten() + sum(grid.level_lengths[:level])
