from __future__ import annotations

from dataclasses import dataclass

from medtk_monai.assigners.candidates import overlapping_candidates
from medtk_monai.assigners.claims import ignore_background, leave_out_ignored, settle_claims
from medtk_monai.structures import Assignment, Prediction, Priors, Target


@dataclass(frozen=True)
class IoUAssigner:
    """Fixed thresholds of the IoU (Ren et al., Faster R-CNN, 2015).

    Args:
        positive_iou: a prior with at least this IoU learns the object it fits best, in (0, 1].
        negative_iou: a prior below this IoU with every object is background, in [0, positive_iou]; those between are ignored.
        per_dimension: thresholds are of one axis, and are raised to the power D: 0.7 means 0.34 in 3D.
        rescue: an object left without a prior gets the best one, however poor; off for proposals, which may all be far away.

    Raises:
        ValueError: thresholds out of order.
    """

    positive_iou: float = 0.5
    negative_iou: float = 0.4
    per_dimension: bool = False
    rescue: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.negative_iou <= self.positive_iou <= 1 or self.positive_iou == 0:
            raise ValueError(f"{self}: need 0 <= negative_iou <= positive_iou <= 1")

    def __call__(self, priors: Priors, target: Target, prediction: Prediction | None = None) -> Assignment:
        power = target.boxes.shape[1] // 2 if self.per_dimension else 1
        pairs, iou = overlapping_candidates(priors, target, self.negative_iou**power, int(self.rescue))
        objects = settle_claims(priors, target, pairs, iou, iou >= self.positive_iou**power, self.rescue)
        objects = ignore_background(objects, pairs.priors[iou >= self.negative_iou**power])
        return leave_out_ignored(objects, priors, target)
