from __future__ import annotations

from dataclasses import dataclass

from medtk_monai.assigners.candidates import near_candidates, scores_and_overlaps
from medtk_monai.assigners.claims import all_background, ignore_background, known_by_box, leave_out_ignored, rank_in_object, settle_claims
from medtk_monai.structures import Assignment, Prediction, Priors, Target


@dataclass(frozen=True)
class TaskAlignedAssigner:
    """The priors whose prediction is best in class and box together (Feng et al., TOOD, ICCV 2021).

    Candidates have their center in the object, or are among the nearest of each level. Their worth is score^alpha IoU^beta of the
    predicted box; without a prediction, scores are equal and boxes are those of the priors.

    Args:
        num_positives: priors of greatest worth that learn an object.
        alpha: exponent of the score, at least 0.
        beta: exponent of the IoU, at least 0; the paper has 6.
        num_nearest: cells of each level that are candidates though they may lie outside the object.
        ignore_near: ignore the other candidates instead of calling them background as the paper does; see ATSSAssigner.

    Raises:
        ValueError: a value out of range.
    """

    num_positives: int = 9
    alpha: float = 1.0
    beta: float = 6.0
    num_nearest: int = 9
    ignore_near: bool = True

    def __post_init__(self) -> None:
        if self.num_positives < 1 or self.num_nearest < 1 or min(self.alpha, self.beta) < 0:
            raise ValueError(f"{self}: numbers must be at least 1 and exponents at least 0")

    def __call__(self, priors: Priors, target: Target, prediction: Prediction | None = None) -> Assignment:
        if not len(target):
            return all_background(priors, target)
        candidates = near_candidates(priors, target, self.num_nearest)
        scores, iou = scores_and_overlaps(priors, target, prediction, candidates)
        worth = scores**self.alpha * iou**self.beta
        claimed = (rank_in_object(candidates.objects, worth) < self.num_positives) & (iou > 0)
        objects = settle_claims(priors, target, candidates, worth, claimed)
        if self.ignore_near:
            objects = ignore_background(objects, known_by_box(candidates, target).priors)
        return leave_out_ignored(objects, priors, target)
