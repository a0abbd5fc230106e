from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from medtk_monai.assigners.claims import ignore_background, leave_out_ignored, settle_claims
from medtk_monai.assigners.levels import own_levels
from medtk_monai.assigners.lookup import Pairs, nearest_priors, priors_inside
from medtk_monai.box_ops import box_centers, box_sizes, boxes_from_centers
from medtk_monai.structures import Assignment, Prediction, Priors, Target

METRICS = ("chebyshev", "euclidean")


@dataclass(frozen=True)
class DistAssigner:
    """Chooses priors by their distance from the object's center, whatever their size (center sampling, Tian et al., FCOS, 2020).

    The distance is relative to the object: the center offsets are divided by half the sides, so that 1 is on a face.

    Args:
        positive_distance: a prior this near to an object learns it, in [0, 1].
        negative_distance: one this far from every object is background; those between are ignored.
        level_size: an object is learnt only at the level whose stride times this is nearest its side length (geometric means over
            the axes, logarithmic scale); None for all levels.
        metric: ``"chebyshev"``, the largest offset over the axes, or ``"euclidean"``.

    Raises:
        ValueError: distances out of order, or an unknown metric.
    """

    positive_distance: float = 0.5
    negative_distance: float = 1.0
    level_size: float | None = None
    metric: Literal["chebyshev", "euclidean"] = "chebyshev"

    def __post_init__(self) -> None:
        if not 0 <= self.positive_distance <= self.negative_distance:
            raise ValueError(f"{self}: need 0 <= positive_distance <= negative_distance")
        if self.metric not in METRICS:
            raise ValueError(f"metric is {self.metric!r}: give one of {', '.join(METRICS)}")

    def __call__(self, priors: Priors, target: Target, prediction: Prediction | None = None) -> Assignment:
        centers = box_centers(target.boxes)
        # A little more than asked: what lies on a face is compared exactly below.
        reach = boxes_from_centers(centers, box_sizes(target.boxes) * (self.negative_distance * 1.001))
        pairs = Pairs.cat([priors_inside(priors, reach), Pairs.of_rows(nearest_priors(priors, centers, 1)[0])])
        distances = self._distances(priors, target, pairs)
        own = own_levels(priors, target.boxes, self.level_size)[pairs.objects, priors.levels[pairs.priors]]
        claimable = torch.where(own, distances, torch.inf)
        wanted, near = claimable <= self.positive_distance, distances < self.negative_distance
        if target.in_region is not None:  # what such an object covers is not told by its box
            by_box = ~target.in_region[pairs.objects]
            wanted, near = wanted & by_box, near & by_box
        objects = settle_claims(priors, target, pairs, -claimable, wanted)
        return leave_out_ignored(ignore_background(objects, pairs.priors[near]), priors, target)

    def _distances(self, priors: Priors, target: Target, pairs: Pairs) -> Tensor:
        offsets = (priors.centers[pairs.priors] - box_centers(target.boxes)[pairs.objects]).abs()
        relative = offsets / (box_sizes(target.boxes)[pairs.objects] / 2)
        return relative.amax(dim=-1) if self.metric == "chebyshev" else relative.norm(dim=-1)
