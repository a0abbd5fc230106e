"""How the samplers of a fixed number divide it between positives and negatives."""

from __future__ import annotations

import torch
from torch import Tensor

from medtk_monai.structures import Assignment


def check_quota(num_samples: int, positive_fraction: float) -> None:
    """
    Raises:
        ValueError: a value out of range.
    """
    if num_samples < 1 or not 0 <= positive_fraction <= 1:
        raise ValueError(f"num_samples {num_samples} must be at least 1 and positive_fraction {positive_fraction} lie in [0, 1]")


def fill_quota(assignment: Assignment, ranks: Tensor, num_samples: int, positive_fraction: float) -> Tensor:
    """The mask (P,) of the positives, and of the negatives that fill up the rest, with the largest ``ranks`` (P,)."""
    mask = torch.zeros_like(assignment.positive)
    left = num_samples
    for among, most in ((assignment.positive, int(num_samples * positive_fraction)), (assignment.negative, num_samples)):
        index = among.nonzero()[:, 0]
        count = min(len(index), most, left)
        mask[index[ranks[index].topk(count).indices]] = True
        left -= count
    return mask
