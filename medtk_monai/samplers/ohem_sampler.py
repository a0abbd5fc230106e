from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medtk_monai.samplers.quota import check_quota, fill_quota
from medtk_monai.structures import Assignment


@dataclass(frozen=True)
class OHEMSampler:
    """The positives and negatives that are most wrong, in a wanted balance (Shrivastava et al., OHEM, CVPR 2016); nothing is drawn.

    Args:
        num_samples: priors of an image in all, at least 1.
        positive_fraction: share of positives at most, in [0, 1]; negatives fill up what positives leave.

    Raises:
        ValueError: a value out of range.
    """

    num_samples: int = 256
    positive_fraction: float = 0.5

    def __post_init__(self) -> None:
        check_quota(self.num_samples, self.positive_fraction)

    def __call__(self, assignment: Assignment, hardness: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return fill_quota(assignment, hardness, self.num_samples, self.positive_fraction)
