from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medtk_monai.samplers.quota import check_quota, fill_quota
from medtk_monai.structures import Assignment


@dataclass(frozen=True)
class RandomSampler:
    """Positives and negatives drawn at random in a wanted balance (Ren et al., Faster R-CNN, 2015).

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
        device = generator.device if generator is not None else "cpu"
        ranks = torch.rand(len(hardness), generator=generator, device=device).to(hardness.device)
        return fill_quota(assignment, ranks, self.num_samples, self.positive_fraction)
