from __future__ import annotations

from dataclasses import dataclass

import torch

from medtk_monai.assigners.claims import all_background, ignore_background, known_by_box, leave_out_ignored, settle_claims
from medtk_monai.assigners.lookup import Pairs, nearest_priors, priors_inside
from medtk_monai.box_ops import box_centers, paired_iou
from medtk_monai.structures import Assignment, Prediction, Priors, Target


@dataclass(frozen=True)
class ATSSAssigner:
    """Adaptive training sample selection (Zhang et al., CVPR 2020).

    For each object the nearest priors of each level are candidates; those whose IoU reaches the mean plus the standard deviation of the
    candidates' IoU, and whose center lies in the object, learn it. Unlike in the paper, an object left without a prior gets its best
    candidate, and no prior with IoU 0 is chosen otherwise.

    Args:
        num_candidates: nearest cells per level, each with all its priors.
        center_inside: only priors whose center lies in the object learn it, as in the paper. Without, objects about as small as a cell
            get several priors too.
        ignore_near: ignore the other candidates, and all other priors whose center lies in an object, instead of calling them
            background as the paper does. They look much like the chosen ones, NMS removes what they find, and among hard negatives
            they would crowd out the background.

    Raises:
        ValueError: ``num_candidates`` is not positive.
    """

    num_candidates: int = 9
    center_inside: bool = True
    ignore_near: bool = True

    def __post_init__(self) -> None:
        if self.num_candidates < 1:
            raise ValueError(f"num_candidates is {self.num_candidates}: it must be at least 1")

    def __call__(self, priors: Priors, target: Target, prediction: Prediction | None = None) -> Assignment:
        if not len(target):
            return all_background(priors, target)
        chosen, _ = nearest_priors(priors, box_centers(target.boxes), self.num_candidates)
        iou = paired_iou(priors.boxes[chosen], target.boxes[:, None])
        mean = iou.mean(dim=1, keepdim=True)
        threshold = mean + (iou - mean).square().mean(dim=1, keepdim=True).sqrt()
        claimed = (iou >= threshold) & (iou > 0)
        if self.center_inside:
            lower, upper = target.boxes[:, None].chunk(2, dim=-1)
            centers = priors.centers[chosen]
            claimed &= ((centers >= lower) & (centers < upper)).all(dim=-1)
        candidates = Pairs.of_rows(chosen)
        objects = settle_claims(priors, target, candidates, iou.flatten(), claimed.flatten())
        if self.ignore_near:
            near = torch.cat([candidates.priors, known_by_box(priors_inside(priors, target.boxes), target).priors])
            objects = ignore_background(objects, near)
        return leave_out_ignored(objects, priors, target)
