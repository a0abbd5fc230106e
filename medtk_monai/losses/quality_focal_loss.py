from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class QualityFocalLoss:
    """Focal loss for targets between 0 and 1, such as the IoU of the predicted box (Li et al., generalized focal loss, NeurIPS 2020).

    Least, though not 0, where the probability equals the target.

    Args:
        beta: focusing exponent, at least 0.
    """

    beta: float = 2.0

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return ((targets - logits.sigmoid()).abs() ** self.beta * entropy).sum(dim=-1)
