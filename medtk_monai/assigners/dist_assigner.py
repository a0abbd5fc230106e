from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medtk_monai.assigners.claims import leave_out_ignored, settle_claims
from medtk_monai.assigners.levels import keep_own_level
from medtk_monai.box_ops import box_centers, box_sizes
from medtk_monai.structures import IGNORED, NEGATIVE, Assignment, Prediction, Priors, Target


@dataclass(frozen=True)
class DistAssigner:
    """Chooses priors by their distance from the object's center, whatever their size (center sampling, Tian et al., FCOS, 2020).

    The distance is relative to the object: the largest over the axes of |center offset| / (side / 2), so 1 is on a face.

    Args:
        positive_distance: a prior this near to an object learns it, in [0, 1].
        negative_distance: one farther than this from every object is background; those between are ignored.
        level_size: an object is learnt only at the level whose stride times this is nearest its side length (geometric means over
            the axes, logarithmic scale); None for all levels.

    Raises:
        ValueError: distances out of order.
    """

    positive_distance: float = 0.5
    negative_distance: float = 1.0
    level_size: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.positive_distance <= self.negative_distance:
            raise ValueError(f"{self}: need 0 <= positive_distance <= negative_distance")

    def __call__(self, priors: Priors, target: Target, prediction: Prediction | None = None) -> Assignment:
        distances = relative_distances(priors, target.boxes)
        ranked = keep_own_level(distances, priors, target.boxes, self.level_size)
        everyone = torch.arange(len(priors), device=priors.boxes.device).expand(len(target), -1)
        objects = settle_claims(len(priors), everyone, -ranked, ranked <= self.positive_distance)
        ring = (distances < self.negative_distance).any(dim=0) & (objects == NEGATIVE)
        return leave_out_ignored(objects.masked_fill(ring, IGNORED), priors, target)


def relative_distances(priors: Priors, boxes: Tensor) -> Tensor:
    """Chebyshev distance of P prior centers from the centers of N boxes in half side lengths, (N, P)."""
    offsets = (box_centers(priors.boxes)[None] - box_centers(boxes)[:, None]).abs()
    return (offsets / (box_sizes(boxes)[:, None] / 2)).amax(dim=-1)
