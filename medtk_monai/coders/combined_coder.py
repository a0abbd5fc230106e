from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medtk_monai.coders.box_coder import BoxCoder
from medtk_monai.structures import Priors


@dataclass(frozen=True)
class CombinedCoder:
    """One coder for the anchors and one for the points of a combined head.

    Args:
        anchors: coder of priors that are anchors.
        points: coder of priors that are points.
    """

    anchors: BoxCoder
    points: BoxCoder

    def encode(self, priors: Priors, boxes: Tensor) -> Tensor:
        """K priors and one box for each (K, 2D) -> deltas (K, 2D)."""
        return torch.where(priors.points[:, None], self.points.encode(priors, boxes), self.anchors.encode(priors, boxes))

    def decode(self, priors: Priors, deltas: Tensor) -> Tensor:
        """K priors and deltas (K, 2D) -> boxes (K, 2D) float32, voxels."""
        return torch.where(priors.points[:, None], self.points.decode(priors, deltas), self.anchors.decode(priors, deltas))
