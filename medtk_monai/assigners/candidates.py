"""What the assigners that compare boxes share."""

from __future__ import annotations

import torch
from torch import Tensor

from medtk_monai.assigners.lookup import Pairs, nearest_priors, priors_inside, priors_overlapping
from medtk_monai.box_ops import box_centers, paired_iou
from medtk_monai.structures import Prediction, Priors, Target


def near_candidates(priors: Priors, target: Target, num_nearest: int) -> Pairs:
    """The priors whose center lies in an object, and those of its nearest cells of each level."""
    inside = priors_inside(priors, target.boxes)
    both = Pairs.cat([inside, Pairs.of_rows(nearest_priors(priors, box_centers(target.boxes), num_nearest)[0])])
    keys, count = (both.objects * len(priors) + both.priors).unique(), max(len(priors), 1)
    return Pairs(keys // count, keys % count)


def overlaps(boxes: Tensor, target: Target, pairs: Pairs) -> Tensor:
    """For each pair the IoU of its prior's box, out of (P, 2D), with the object."""
    return paired_iou(boxes[pairs.priors], target.boxes[pairs.objects])


def overlapping_candidates(priors: Priors, target: Target, min_iou: float, at_least: int) -> tuple[Pairs, Tensor]:
    """The priors with at least an IoU with an object, and the IoU; of an object with fewer than ``at_least``, all that overlap it."""
    pairs = priors_overlapping(priors, target.boxes, min_iou)
    iou = overlaps(priors.boxes, target, pairs)
    enough = torch.bincount(pairs.objects[iou >= min_iou], minlength=len(target)) >= at_least
    kept = (iou >= min_iou) & enough[pairs.objects]
    few = (~enough).nonzero()[:, 0]
    others = priors_overlapping(priors, target.boxes[few])
    others = Pairs(few[others.objects], others.priors)
    return Pairs.cat([pairs[kept], others]), torch.cat([iou[kept], overlaps(priors.boxes, target, others)])


def scores_and_overlaps(priors: Priors, target: Target, prediction: Prediction | None, pairs: Pairs) -> tuple[Tensor, Tensor]:
    """For each pair the score of the object's class, and the IoU of the predicted box with the object.

    Without a prediction, scores are 1 and boxes are those of the priors.
    """
    if prediction is None:
        return priors.boxes.new_ones(len(pairs)), overlaps(priors.boxes, target, pairs)
    scores = prediction.logits[pairs.priors, target.labels[pairs.objects]].float().sigmoid()
    return scores, overlaps(prediction.boxes, target, pairs)
