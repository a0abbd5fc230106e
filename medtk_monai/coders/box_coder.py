from __future__ import annotations

from typing import Protocol

from torch import Tensor

from medtk_monai.structures import Priors


class BoxCoder(Protocol):
    """Translates between boxes and what a network regresses."""

    def encode(self, priors: Priors, boxes: Tensor) -> Tensor:
        """K priors and one box for each (K, 2D) -> deltas (K, 2D)."""
        ...

    def decode(self, priors: Priors, deltas: Tensor) -> Tensor:
        """K priors and deltas (..., K, 2D) -> boxes (..., K, 2D), voxels."""
        ...
