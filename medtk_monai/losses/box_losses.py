from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch.nn.functional as F
from torch import Tensor

from medtk_monai.box_ops import paired_giou
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


@dataclass(frozen=True)
class SmoothL1Loss:
    """Smooth L1 distance of the deltas, averaged over the 2D of them (Girshick, Fast R-CNN, ICCV 2015).

    Args:
        beta: width of the quadratic part, in deltas.
    """

    beta: float = 1.0

    def __call__(self, coder: Decoder, priors: Priors, deltas: Tensor, boxes: Tensor) -> Tensor:
        return F.smooth_l1_loss(deltas, coder.encode(priors, boxes), beta=self.beta, reduction="none").mean(dim=-1)


@dataclass(frozen=True)
class GIoULoss:
    """1 - generalized IoU of the decoded boxes, in [0, 2] (Rezatofighi et al., CVPR 2019)."""

    def __call__(self, coder: Decoder, priors: Priors, deltas: Tensor, boxes: Tensor) -> Tensor:
        return 1 - paired_giou(coder.decode(priors, deltas), boxes)
