from __future__ import annotations

from dataclasses import dataclass

import torch

from medtk_monai.box_ops import box_volumes, pairwise_iou
from medtk_monai.structures import Detections


@dataclass(frozen=True)
class WeightedBoxClustering:
    """Averages what several views say about one object (Jaeger et al., Retina U-Net, ML4H 2019): windows, flips, or models.

    The best detection and all that overlap it make a cluster. Its box is their mean, weighted by score, IoU with the best, and volume; its
    score is their mean, weighted by IoU and volume, and lower the more views found nothing.

    Args:
        iou: with the best one above which a detection joins its cluster, in [0, 1].
        num_views: detections that an object has if every view finds it.

    Raises:
        ValueError: an argument out of range.
    """

    iou: float = 0.2
    num_views: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.iou <= 1 or self.num_views < 1:
            raise ValueError(f"{self}: iou must lie in [0, 1] and num_views be at least 1")

    def __call__(self, detections: Detections) -> Detections:
        left = detections.scores.argsort(descending=True, stable=True)
        volumes = box_volumes(detections.boxes)
        boxes, scores, best = [detections.boxes[:0]], [detections.scores[:0]], []
        while len(left):
            iou = pairwise_iou(detections.boxes[left[:1]], detections.boxes[left])[0]
            joins = (iou > self.iou) & (detections.labels[left] == detections.labels[left[0]])
            joins[0] = True
            members, weights = left[joins], iou[joins] * volumes[left[joins]]
            if weights.sum() == 0:  # the best box is empty
                weights = torch.ones_like(weights)
            votes = weights * detections.scores[members]
            missing = max(self.num_views - len(members), 0) * weights.mean()
            boxes.append(
                ((votes[:, None] * detections.boxes[members]).sum(dim=0, keepdim=True) / votes.sum().clamp(min=1e-12)).to(
                    detections.boxes.dtype
                )
            )
            scores.append((votes.sum() / (weights.sum() + missing))[None])
            best.append(left[0])
            left = left[~joins]
        index = torch.stack(best) if best else left
        found = Detections(torch.cat(boxes), torch.cat(scores), detections.labels[index], detections.prior_ids[index])
        return found[found.scores.argsort(descending=True, stable=True)]
