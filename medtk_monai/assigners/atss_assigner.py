from __future__ import annotations

from dataclasses import dataclass

import torch

from medtk_monai.assigners.claims import centers_inside, leave_out_ignored, settle_claims
from medtk_monai.box_ops import box_centers, paired_iou
from medtk_monai.structures import IGNORED, NEGATIVE, Assignment, Prediction, Priors, Target


@dataclass(frozen=True)
class ATSSAssigner:
    """Adaptive training sample selection (Zhang et al., CVPR 2020).

    For each object the nearest priors of each level are candidates; those whose IoU reaches the mean plus the standard deviation of the
    candidates' IoU, and whose center lies in the object, learn it. Unlike in the paper, an object left without a prior gets its best
    candidate, and no prior with IoU 0 is chosen otherwise.

    Args:
        num_candidates: nearest priors per level.
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
        distances = torch.cdist(box_centers(target.boxes), box_centers(priors.boxes), compute_mode="donot_use_mm_for_euclid_dist")
        candidates = []
        for level in range(int(priors.levels.max()) + 1):
            here = (priors.levels == level).nonzero()[:, 0]
            nearest = distances[:, here].topk(min(self.num_candidates, len(here)), largest=False).indices
            candidates.append(here[nearest])
        chosen = torch.cat(candidates, dim=1)
        iou = paired_iou(priors.boxes[chosen], target.boxes[:, None])
        mean = iou.mean(dim=1, keepdim=True)
        threshold = mean + (iou - mean).square().mean(dim=1, keepdim=True).sqrt()
        inside = centers_inside(priors, target.boxes)
        claimed = (iou >= threshold) & (iou > 0)
        if self.center_inside:
            claimed &= inside.gather(1, chosen)
        objects = settle_claims(len(priors), chosen, iou, claimed)
        if self.ignore_near:
            near = inside.any(dim=0).index_fill(0, chosen.flatten(), True)
            objects = objects.masked_fill(near & (objects == NEGATIVE), IGNORED)
        return leave_out_ignored(objects, priors, target)
