from __future__ import annotations

from typing import Protocol

from torch import Tensor

from medtk_monai.structures import Priors


class Decoder(Protocol):
    """The part of a box coder that losses use."""

    def encode(self, priors: Priors, boxes: Tensor) -> Tensor: ...

    def decode(self, priors: Priors, deltas: Tensor) -> Tensor: ...


class BoxLoss(Protocol):
    """Compares what K priors regressed with the boxes they should find."""

    def __call__(self, coder: Decoder, priors: Priors, deltas: Tensor, boxes: Tensor) -> Tensor:
        """K priors, deltas (K, 2D) and boxes (K, 2D), voxels -> (K,) losses."""
        ...
