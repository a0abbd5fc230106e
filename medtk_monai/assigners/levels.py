"""Which pyramid level an object belongs to by its size."""

from __future__ import annotations

import torch
from torch import Tensor

from medtk_monai.box_ops import box_sizes
from medtk_monai.structures import Priors


def own_levels(priors: Priors, boxes: Tensor, level_size: float | None) -> Tensor:
    """Whether each of N boxes may be learnt at each of L levels, (N, L) bool: all of them without a ``level_size``.

    A box belongs to the level whose stride times ``level_size`` is nearest its side length: geometric means over the axes, logarithmic
    scale; two levels equally near both count.
    """
    strides = priors.strides.new_zeros(int(priors.levels.max()) + 1, priors.strides.shape[1])
    strides[priors.levels] = priors.strides
    if level_size is None:
        return torch.ones(len(boxes), len(strides), dtype=torch.bool, device=boxes.device)
    wanted = box_sizes(boxes).log().mean(dim=1)
    misfit = (wanted[:, None] - (strides * level_size).log().mean(dim=1)[None]).abs()
    return misfit <= misfit.amin(dim=1, keepdim=True) + 1e-4
