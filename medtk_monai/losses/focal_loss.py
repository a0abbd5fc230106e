from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class FocalLoss:
    """Sigmoid focal loss (Lin et al., ICCV 2017), which weighs well-classified priors down.

    Args:
        alpha: weight of the positives, 1 - alpha that of the negatives; in (0, 1).
        gamma: focusing exponent, at least 0.
    """

    alpha: float = 0.25
    gamma: float = 2.0

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        missed = (targets - logits.sigmoid()).abs()
        weight = self.alpha * targets + (1 - self.alpha) * (1 - targets)
        return (weight * missed**self.gamma * entropy).sum(dim=-1)
