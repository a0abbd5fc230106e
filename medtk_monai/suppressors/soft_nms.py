from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from medtk_monai.box_ops import pairwise_iou
from medtk_monai.structures import Detections

DECAYS = ("linear", "gaussian")


@dataclass(frozen=True)
class SoftNMS:
    """Lowers the scores of what overlaps a better detection instead of removing it (Bodla et al., Soft-NMS, ICCV 2017).

    Args:
        decay: ``"gaussian"``: a score is multiplied by exp(-IoU^2 / sigma); ``"linear"``: by 1 - IoU where the IoU exceeds ``iou``.
        sigma: of the Gaussian, positive.
        iou: threshold of the linear decay, in [0, 1].
        score_threshold: detections whose score has sunk below this go.

    Raises:
        ValueError: an argument out of range.
    """

    decay: Literal["linear", "gaussian"] = "gaussian"
    sigma: float = 0.5
    iou: float = 0.3
    score_threshold: float = 0.02

    def __post_init__(self) -> None:
        if self.decay not in DECAYS or self.sigma <= 0 or not 0 <= self.iou <= 1:
            raise ValueError(f"{self}: decay must be one of {', '.join(DECAYS)}, sigma positive, and iou lie in [0, 1]")

    def __call__(self, detections: Detections) -> Detections:
        left = torch.arange(len(detections), device=detections.boxes.device)
        scores = detections.scores.clone()
        picked = []
        left = left[scores[left] >= self.score_threshold]
        while len(left):
            best = left[scores[left].argmax()]
            picked.append(best)
            left = left[left != best]
            scores[left] *= self._factors(detections, best, left)
            left = left[scores[left] >= self.score_threshold]
        order = torch.stack(picked) if picked else left
        return replace(detections, scores=scores)[order]

    def _factors(self, detections: Detections, best: Tensor, others: Tensor) -> Tensor:
        iou = pairwise_iou(detections.boxes[best][None], detections.boxes[others])[0]
        kept = (-iou.square() / self.sigma).exp() if self.decay == "gaussian" else torch.where(iou > self.iou, 1 - iou, 1.0)
        return torch.where(detections.labels[others] == detections.labels[best], kept, 1.0)
