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
    dims = len(window.origin)
    priors = generator(feature_sizes, device)
    local = PriorGrid(tuple(map(tuple, feature_sizes)), generator.priors_per_cell)
    whole = image_grid(generator, window.image_size)
    levels, cells, anchors = local.decode(priors.ids)
    strides = torch.tensor([per_axis(s, dims) for s in generator.strides], device=device)[levels]
    origin = torch.tensor(window.origin, device=device)
    corner = cells * strides + origin
    limit = [min(high, size) for high, size in zip(window.core_max, window.image_size)]
    inside = (corner >= torch.tensor(window.core_min, device=device)) & (corner < torch.tensor(limit, device=device))
    keep = inside.all(dim=1).nonzero()[:, 0]
    cells = (corner / strides).round().long()[keep]
    ids = torch.empty_like(keep)
    for level in range(len(generator.strides)):
        here = levels[keep] == level
        ids[here] = whole.encode(level, cells[here], anchors[keep][here])
    return Priors(priors.boxes[keep] + origin.repeat(2), priors.strides[keep], priors.levels[keep], ids, priors.points[keep]), keep
