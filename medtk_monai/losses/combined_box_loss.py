from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medtk_monai.losses.box_loss import BoxLoss, Decoder
from medtk_monai.structures import Priors


@dataclass(frozen=True)
class CombinedBoxLoss:
    """One loss for the anchors and one for the points of a combined head.

    Args:
        anchors: loss of priors that are anchors.
        points: loss of priors that are points.
    """

    anchors: BoxLoss
    points: BoxLoss

    def __call__(self, coder: Decoder, priors: Priors, deltas: Tensor, boxes: Tensor) -> Tensor:
        points, anchors = self.points(coder, priors, deltas, boxes), self.anchors(coder, priors, deltas, boxes)
        return torch.where(priors.points, points, anchors)
