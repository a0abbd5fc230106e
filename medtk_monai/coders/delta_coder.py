from __future__ import annotations

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

from medtk_monai.box_ops import box_centers, box_sizes, boxes_from_centers
from medtk_monai.structures import Priors


@dataclass(frozen=True)
class DeltaCoder:
    """Center offsets in prior sizes and logarithms of size ratios (Girshick et al., R-CNN, CVPR 2014).

    Args:
        center_std: scale of the center deltas; 0.1 is usual with losses on deltas, 1 with losses on decoded boxes.
        size_std: scale of the size deltas; 0.2 or 1 likewise.
        max_ratio: a decoded side is at most this many times the prior's.
    """

    center_std: float = 1.0
    size_std: float = 1.0
    max_ratio: float = 1000 / 16

    def encode(self, priors: Priors, boxes: Tensor) -> Tensor:
        """K priors and one box for each (K, 2D), voxels -> deltas (K, 2D): offsets of the centers, then of the log sizes."""
        sizes = box_sizes(priors.boxes)
        offsets = (box_centers(boxes) - priors.centers) / sizes
        return torch.cat([offsets / self.center_std, (box_sizes(boxes) / sizes).log() / self.size_std], dim=-1)

    def decode(self, priors: Priors, deltas: Tensor) -> Tensor:
        """K priors and deltas (K, 2D) of any float type -> boxes (K, 2D) float32, voxels."""
        offsets, ratios = deltas.float().chunk(2, dim=-1)
        sizes = box_sizes(priors.boxes)
        centers = priors.centers + offsets * self.center_std * sizes
        return boxes_from_centers(centers, sizes * (ratios * self.size_std).clamp(max=log(self.max_ratio)).exp())
