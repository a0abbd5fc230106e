"""What the assigners that look at predictions share."""

from __future__ import annotations

import torch
from torch import Tensor

from medtk_monai.assigners.lookup import Pairs, nearest_priors, priors_inside
from medtk_monai.box_ops import box_centers, paired_iou
from medtk_monai.structures import Prediction, Priors, Target


def near_candidates(priors: Priors, target: Target, num_nearest: int) -> Pairs:
    """The priors whose center lies in an object, and those of its nearest cells of each level."""
    inside = priors_inside(priors, target.boxes)
    nearest, _ = nearest_priors(priors, box_centers(target.boxes), num_nearest)
    owners = torch.arange(len(target), device=nearest.device)[:, None].expand_as(nearest)
    keys = torch.cat([inside.objects * len(priors) + inside.priors, (owners * len(priors) + nearest).flatten()]).unique()
    return Pairs(keys // max(len(priors), 1), keys % max(len(priors), 1))


def scores_and_overlaps(priors: Priors, target: Target, prediction: Prediction | None, pairs: Pairs) -> tuple[Tensor, Tensor]:
    """For each pair the score of the object's class, and the IoU of the predicted box with the object.

    Without a prediction, scores are 1 and boxes are those of the priors.
    """
    if prediction is None:
        return priors.boxes.new_ones(len(pairs)), paired_iou(priors.boxes[pairs.priors], target.boxes[pairs.objects])
    scores = prediction.logits[pairs.priors, target.labels[pairs.objects]].float().sigmoid()
    return scores, paired_iou(prediction.boxes[pairs.priors], target.boxes[pairs.objects])
