from __future__ import annotations

from dataclasses import dataclass

from medtk_monai.assigners.candidates import overlapping_candidates
from medtk_monai.assigners.claims import ignore_background, leave_out_ignored, rank_in_object, settle_claims
from medtk_monai.structures import Assignment, Prediction, Priors, Target


@dataclass(frozen=True)
class MaxIoUAssigner:
    """The single best prior learns an object (Redmon and Farhadi, YOLOv3, 2018): nothing is left for NMS to remove.

    Args:
        ignore_iou: other priors with at least this IoU with an object are ignored, in [0, 1].
        per_dimension: the threshold is of one axis, and is raised to the power D.

    Raises:
        ValueError: a threshold out of range.
    """

    ignore_iou: float = 0.3
    per_dimension: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.ignore_iou <= 1:
            raise ValueError(f"{self}: ignore_iou must lie in [0, 1]")

    def __call__(self, priors: Priors, target: Target, prediction: Prediction | None = None) -> Assignment:
        power = target.boxes.shape[1] // 2 if self.per_dimension else 1
        pairs, iou = overlapping_candidates(priors, target, self.ignore_iou**power, 1)
        objects = settle_claims(priors, target, pairs, iou, rank_in_object(pairs.objects, iou) == 0)
        objects = ignore_background(objects, pairs.priors[iou >= self.ignore_iou**power])
        return leave_out_ignored(objects, priors, target)
