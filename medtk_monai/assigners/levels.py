"""Which pyramid level an object belongs to by its size."""

from __future__ import annotations

import torch
from torch import Tensor

from medtk_monai.box_ops import box_sizes
from medtk_monai.structures import Priors


def keep_own_level(distances: Tensor, priors: Priors, boxes: Tensor, level_size: float | None) -> Tensor:
    """Distances (N, P) of N boxes from P priors, infinite for priors of other levels than the box's own; as they are if None.

    A box belongs to the level whose stride times ``level_size`` is nearest its side length: geometric means over the axes, logarithmic
    scale; two levels equally near both count.
    """
    if level_size is None:
        return distances
    wanted = box_sizes(boxes).log().mean(dim=1)
    offered = (priors.strides * level_size).log().mean(dim=1)
    misfit = (wanted[:, None] - offered[None]).abs()
    return distances.masked_fill(misfit > misfit.amin(dim=1, keepdim=True) + 1e-4, torch.inf)
