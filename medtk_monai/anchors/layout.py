"""What anchors and points share: a regular grid of cells per level."""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm
from typing import Protocol

import torch
from torch import Tensor

from medtk_monai.box_ops import boxes_from_centers
from medtk_monai.errors import DataError
from medtk_monai.structures import PriorGrid, Priors

PerAxis = int | float | Sequence[int] | Sequence[float]
"""One value for all axes, or one per axis."""


class PriorGenerator(Protocol):
    """Lays priors over the cells of each level.

    ``strides`` holds for each level the voxels per cell; ``priors_per_cell`` how many priors a cell has.
    """

    @property
    def strides(self) -> Sequence[PerAxis]: ...

    @property
    def priors_per_cell(self) -> tuple[int, ...]: ...

    def __call__(self, feature_sizes: Sequence[Sequence[int]], device: torch.device | str) -> Priors: ...


def per_axis(value: PerAxis, spatial_dims: int) -> tuple[float, ...]:
    """One value per axis.

    Raises:
        DataError: the number of values is neither 1 nor ``spatial_dims``.
    """
    values = tuple(value) if isinstance(value, Sequence) else (value,) * spatial_dims
    if len(values) != spatial_dims:
        raise DataError(f"{value} has {len(values)} values for {spatial_dims} axes", remedy="give one, or one per axis")
    return tuple(float(v) for v in values)


def coarsest_stride(strides: Sequence[PerAxis], spatial_dims: int) -> tuple[int, ...]:
    """Voxels along each axis that are whole cells of every stride."""
    return tuple(lcm(*map(int, axis)) for axis in zip(*(per_axis(stride, spatial_dims) for stride in strides)))


def cell_centers(feature_size: Sequence[int], stride: Sequence[float], device: torch.device | str) -> Tensor:
    """Centers (cells, D) of a grid's cells in tensor axis order, voxels: cell i of stride s covers [i s, (i + 1) s)."""
    axes = [(torch.arange(n, device=device, dtype=torch.float32) + 0.5) * s for n, s in zip(feature_size, stride)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, -2)


def lay_out_priors(
    feature_sizes: Sequence[Sequence[int]],
    strides: Sequence[PerAxis],
    sizes: Sequence[Sequence[PerAxis]],
    points: Sequence[Sequence[bool]],
    device: torch.device | str,
) -> Priors:
    """Priors of the given ``sizes`` (level, prior of a cell, axis; voxels) at every cell center, in the order of their ids.

    Args:
        points: which of these sizes stand for points.

    Raises:
        DataError: the number of levels differs from that of the strides.
    """
    if len(feature_sizes) != len(strides):
        raise DataError(f"{len(feature_sizes)} feature maps for {len(strides)} strides", remedy="give one stride per level")
    boxes, spread, kinds = [], [], []
    for feature_size, level_stride, level_sizes, level_points in zip(feature_sizes, strides, sizes, points):
        dims = len(feature_size)
        stride = per_axis(level_stride, dims)
        shapes = torch.tensor([per_axis(s, dims) for s in level_sizes], device=device)
        centers = cell_centers(feature_size, stride, device)
        boxes.append(boxes_from_centers(centers[:, None], shapes[None]).flatten(0, 1))
        spread.append(torch.tensor(stride, device=device).expand(len(boxes[-1]), dims))
        kinds.append(torch.tensor(level_points, device=device).repeat(len(centers)))
    grid = PriorGrid(tuple(map(tuple, feature_sizes)), tuple(map(len, sizes)))
    levels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(grid.level_lengths)).to(device)
    return Priors(torch.cat(boxes), torch.cat(spread), levels, torch.arange(len(grid), device=device), torch.cat(kinds), grid)
