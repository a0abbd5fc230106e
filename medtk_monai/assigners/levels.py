"""Which pyramid level an object belongs to by its size."""

from __future__ import annotations

from torch import Tensor

from medtk_monai.box_ops import box_sizes
from medtk_monai.structures import Priors


def eligible_levels(priors: Priors, boxes: Tensor, level_size: float) -> Tensor:
    """Whether each of N boxes belongs to the level of each of P priors, (N, P) bool.

    That is the level whose stride times ``level_size`` is nearest the side length: geometric means over the axes, logarithmic scale;
    two levels equally near both count.
    """
    wanted = box_sizes(boxes).log().mean(dim=1)
    offered = (priors.strides * level_size).log().mean(dim=1)
    misfit = (wanted[:, None] - offered[None]).abs()
    return misfit <= misfit.amin(dim=1, keepdim=True) + 1e-4
