from __future__ import annotations

from dataclasses import dataclass

import torch

from medtk_monai.assigners.candidates import near_candidates, scores_and_overlaps
from medtk_monai.assigners.claims import ignore_background, known_by_box, leave_out_ignored, rank_in_object, settle_claims
from medtk_monai.structures import Assignment, Prediction, Priors, Target

EPSILON = 1e-7


@dataclass(frozen=True)
class SimOTAAssigner:
    """As many priors as an object's predictions deserve, those of least cost (Ge et al., YOLOX, 2021, arXiv 2107.08430).

    Candidates have their center in the object, or are among the nearest of each level. The cost is the cross entropy of the score plus
    ``iou_weight`` times -ln IoU of the predicted box. An object gets as many priors as its largest IoUs add up to, at least one.
    Without a prediction, scores are equal and boxes are those of the priors.

    Args:
        num_summed: IoUs that are added up, and so the largest number of priors.
        iou_weight: at least 0.
        num_nearest: cells of each level that are candidates though they may lie outside the object.
        ignore_near: ignore the other candidates instead of calling them background as the paper does; see ATSSAssigner.

    Raises:
        ValueError: a value out of range.
    """

    num_summed: int = 10
    iou_weight: float = 3.0
    num_nearest: int = 9
    ignore_near: bool = True

    def __post_init__(self) -> None:
        if self.num_summed < 1 or self.num_nearest < 1 or self.iou_weight < 0:
            raise ValueError(f"{self}: numbers must be at least 1 and iou_weight at least 0")

    def __call__(self, priors: Priors, target: Target, prediction: Prediction | None = None) -> Assignment:
        candidates = near_candidates(priors, target, self.num_nearest)
        scores, iou = scores_and_overlaps(priors, target, prediction, candidates)
        summed = rank_in_object(candidates.objects, iou) < self.num_summed
        total = iou.new_zeros(len(target)).scatter_add(0, candidates.objects[summed], iou[summed])
        cost = -(scores + EPSILON).log() - self.iou_weight * (iou + EPSILON).log()
        wanted = torch.floor(total).clamp(min=1)
        claimed = (rank_in_object(candidates.objects, -cost) < wanted[candidates.objects]) & (iou > 0)
        objects = settle_claims(priors, target, candidates, -cost, claimed)
        if self.ignore_near:
            objects = ignore_background(objects, known_by_box(candidates, target).priors)
        return leave_out_ignored(objects, priors, target)
