from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from medtk_monai.structures import Assignment


class Sampler(Protocol):
    """Chooses which priors of one image enter the classification loss."""

    def __call__(self, assignment: Assignment, hardness: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """An assignment and a hardness (P,) of each prior, larger is harder -> mask (P,) bool; never an ignored prior."""
        ...
