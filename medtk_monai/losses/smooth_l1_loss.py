from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from medtk_monai.losses.box_loss import Decoder
from medtk_monai.structures import Priors


@dataclass(frozen=True)
class SmoothL1Loss:
    """Smooth L1 distance of the deltas, averaged over the 2D of them (Girshick, Fast R-CNN, ICCV 2015).

    Args:
        beta: width of the quadratic part, in deltas.
    """

    beta: float = 1.0

    def __call__(self, coder: Decoder, priors: Priors, deltas: Tensor, boxes: Tensor) -> Tensor:
        return F.smooth_l1_loss(deltas, coder.encode(priors, boxes), beta=self.beta, reduction="none").mean(dim=-1)
