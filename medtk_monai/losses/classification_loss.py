from __future__ import annotations

from typing import Protocol

from torch import Tensor


class ClassificationLoss(Protocol):
    """Compares logits with targets: 1 for the class of a prior's object, or its quality, and 0 for all other classes."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """(K, C) logits and (K, C) targets in [0, 1] -> (K,) losses."""
        ...
