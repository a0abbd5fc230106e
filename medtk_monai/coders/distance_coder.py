from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from medtk_monai.structures import Priors


@dataclass(frozen=True)
class DistanceCoder:
    """Distances from a point to the faces of its box, in strides (Tian et al., FCOS, ICCV 2019).

    A distance is the softplus of its delta: always positive and nowhere without gradient. A box that does not contain the point
    is encoded as the one with the faces on the wrong side moved to ``min_distance`` from it.

    Args:
        min_distance: smallest distance that is encoded, strides.
    """

    min_distance: float = 0.01

    def encode(self, priors: Priors, boxes: Tensor) -> Tensor:
        """K priors and one box for each (K, 2D), voxels -> deltas (K, 2D): of the lower faces, then of the upper ones."""
        points = priors.centers
        lower, upper = boxes.chunk(2, dim=-1)
        distances = torch.cat([points - lower, upper - points], dim=-1) / priors.strides.repeat(1, 2)
        distances = distances.clamp(min=self.min_distance)
        return distances + torch.log(-torch.expm1(-distances))

    def decode(self, priors: Priors, deltas: Tensor) -> Tensor:
        """K priors and deltas (K, 2D) of any float type -> boxes (K, 2D) float32, voxels, around the points."""
        points = priors.centers
        distances = F.softplus(deltas.float()) * priors.strides.repeat(1, 2)
        lower, upper = distances.chunk(2, dim=-1)
        return torch.cat([points - lower, points + upper], dim=-1)
