from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medtk_monai.assigners.candidates import overlaps
from medtk_monai.assigners.claims import ignore_background, leave_out_ignored, rank_in_object, settle_claims
from medtk_monai.assigners.lookup import Pairs, nearest_priors, priors_overlapping
from medtk_monai.box_ops import box_centers, box_sizes, paired_iou
from medtk_monai.structures import IGNORED, Assignment, Prediction, Priors, Target


@dataclass(frozen=True)
class UniformAssigner:
    """The same number of priors for every object, with thresholds that ignore the doubtful (Chen et al., YOLOF, CVPR 2021).

    Args:
        num_positives: priors with the largest IoU that learn an object.
        positive_ignore_iou: of those, a prior below this IoU is ignored, unless it is its object's best.
        negative_ignore_iou: another prior with at least this IoU is ignored, of the prior itself or, if there is one, of its prediction.
        use_prediction: as in the paper, also the ``num_positives`` priors learn an object whose predicted boxes are nearest to it (L1
            distance of centers and sizes); they are sought among the nearest cells of each level, four times as many.

    Raises:
        ValueError: a value out of range.
    """

    num_positives: int = 4
    positive_ignore_iou: float = 0.05
    negative_ignore_iou: float = 0.5
    use_prediction: bool = False

    def __post_init__(self) -> None:
        if self.num_positives < 1 or not (0 <= self.positive_ignore_iou <= 1 and 0 <= self.negative_ignore_iou <= 1):
            raise ValueError(f"{self}: num_positives must be at least 1 and thresholds lie in [0, 1]")

    def __call__(self, priors: Priors, target: Target, prediction: Prediction | None = None) -> Assignment:
        pairs = priors_overlapping(priors, target.boxes)
        iou = overlaps(priors.boxes, target, pairs)
        ranks = rank_in_object(pairs.objects, iou)
        certain = iou if prediction is None else overlaps(prediction.boxes, target, pairs)
        doubtful = pairs.priors[certain >= self.negative_ignore_iou]
        claimed = ranks < self.num_positives
        if self.use_prediction and prediction is not None:
            extra = self._nearest_predicted(priors, target, prediction)
            pairs, iou = Pairs.cat([pairs, extra]), torch.cat([iou, overlaps(priors.boxes, target, extra)])
            claimed = torch.cat([claimed, torch.ones_like(extra.objects, dtype=torch.bool)])
        objects = settle_claims(priors, target, pairs, iou, claimed)
        objects = self._ignore_poor(objects, priors, target)
        return leave_out_ignored(ignore_background(objects, doubtful), priors, target)

    def _nearest_predicted(self, priors: Priors, target: Target, prediction: Prediction) -> Pairs:
        near, _ = nearest_priors(priors, box_centers(target.boxes), 4 * self.num_positives)
        distances = (_center_size(prediction.boxes[near]) - _center_size(target.boxes)[:, None]).abs().sum(dim=-1)
        return Pairs.of_rows(near.gather(1, distances.topk(min(self.num_positives, near.shape[1]), largest=False).indices))

    def _ignore_poor(self, objects: Tensor, priors: Priors, target: Target) -> Tensor:
        held = (objects >= 0).nonzero()[:, 0]
        iou = paired_iou(priors.boxes[held], target.boxes[objects[held]])
        best = iou.new_full((len(target),), -1.0).scatter_reduce(0, objects[held], iou, "amax")[objects[held]]
        objects[held[(iou < self.positive_ignore_iou) & (iou < best)]] = IGNORED
        return objects


def _center_size(boxes: Tensor) -> Tensor:
    return torch.cat([box_centers(boxes), box_sizes(boxes)], dim=-1)
