from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medtk_monai.structures import Assignment


@dataclass(frozen=True)
class AllSampler:
    """Takes every prior that is not ignored; for losses that weigh easy examples down themselves, as the focal loss."""

    def __call__(self, assignment: Assignment, hardness: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return assignment.positive | assignment.negative
