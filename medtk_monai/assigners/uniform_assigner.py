from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medtk_monai.assigners.candidates import overlaps
from medtk_monai.assigners.claims import ignore_background, leave_out_ignored, settle_claims
from medtk_monai.assigners.lookup import Pairs, nearest_priors, priors_inside, priors_overlapping
from medtk_monai.box_ops import box_centers, box_sizes, paired_iou
from medtk_monai.structures import IGNORED, Assignment, Prediction, Priors, Target


@dataclass(frozen=True)
class UniformAssigner:
    """The same number of priors for every object, with thresholds that ignore the doubtful (Chen et al., YOLOF, CVPR 2021).

    All are sought among the nearest cells of each level, four times ``num_positives``.

    Args:
        num_positives: priors with the largest IoU that learn an object.
        positive_ignore_iou: of those, a prior below this IoU is ignored, unless it is its object's best.
        negative_ignore_iou: another prior with at least this IoU is ignored, of the prior itself or, if there is one, of its prediction,
            which is looked at of the nearest priors and those whose center lies in the object.
        use_prediction: as in the paper, also the ``num_positives`` priors learn an object whose predicted boxes are nearest to it (L1
            distance of centers and sizes).

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
        near, _ = nearest_priors(priors, box_centers(target.boxes), 4 * self.num_positives)
        iou = paired_iou(priors.boxes[near], target.boxes[:, None])
        count = min(self.num_positives, near.shape[1])
        claimed = torch.zeros_like(iou, dtype=torch.bool).scatter_(1, iou.topk(count).indices, True) & (iou > 0)
        if self.use_prediction and prediction is not None:
            distances = (_center_size(prediction.boxes[near]) - _center_size(target.boxes)[:, None]).abs().sum(dim=-1)
            claimed.scatter_(1, distances.topk(count, largest=False).indices, True)
        pairs = Pairs.of_rows(near)
        objects = settle_claims(priors, target, pairs, iou.flatten(), claimed.flatten())
        objects = self._ignore_poor(objects, priors, target)
        objects = ignore_background(objects, self._doubtful(pairs, priors, target, prediction))
        return leave_out_ignored(objects, priors, target)

    def _doubtful(self, near: Pairs, priors: Priors, target: Target, prediction: Prediction | None) -> Tensor:
        if prediction is None:
            seen, boxes = priors_overlapping(priors, target.boxes, self.negative_ignore_iou), priors.boxes
        else:
            seen, boxes = Pairs.cat([near, priors_inside(priors, target.boxes)]), prediction.boxes
        return seen.priors[overlaps(boxes, target, seen) >= self.negative_ignore_iou]

    def _ignore_poor(self, objects: Tensor, priors: Priors, target: Target) -> Tensor:
        held = (objects >= 0).nonzero()[:, 0]
        iou = paired_iou(priors.boxes[held], target.boxes[objects[held]])
        best = iou.new_full((len(target),), -1.0).scatter_reduce(0, objects[held], iou, "amax")[objects[held]]
        objects[held[(iou < self.positive_ignore_iou) & (iou < best)]] = IGNORED
        return objects


def _center_size(boxes: Tensor) -> Tensor:
    return torch.cat([box_centers(boxes), box_sizes(boxes)], dim=-1)
