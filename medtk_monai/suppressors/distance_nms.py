from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from medtk_monai.box_ops import box_centers, keep_best
from medtk_monai.structures import Detections


@dataclass(frozen=True)
class DistanceNMS:
    """Removes what has its center near that of a better detection, as suits objects too small for their boxes to overlap reliably.

    Args:
        distance: below which a detection goes, mm.
        spacing: mm per voxel of all images, one value or one per axis.

    Raises:
        ValueError: a negative distance.
    """

    distance: float = 3.0
    spacing: float | Sequence[float] = 1.0

    def __post_init__(self) -> None:
        if self.distance < 0:
            raise ValueError(f"distance is {self.distance}: it must not be negative")

    def __call__(self, detections: Detections) -> Detections:
        centers = box_centers(detections.boxes) * torch.as_tensor(self.spacing, device=detections.boxes.device)

        def clashes(first: Tensor, second: Tensor) -> Tensor:
            return (centers[first][:, None] - centers[second][None]).square().sum(dim=-1).sqrt() < self.distance

        return detections[keep_best(detections.scores, detections.labels, clashes)]
