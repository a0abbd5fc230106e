from __future__ import annotations

from dataclasses import dataclass

from medtk_monai.box_ops import nms
from medtk_monai.structures import Detections


@dataclass(frozen=True)
class NMS:
    """Non-maximum suppression: removes what overlaps a better detection.

    Args:
        iou: above which a detection goes, in [0, 1].

    Raises:
        ValueError: the IoU is out of range.
    """

    iou: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.iou <= 1:
            raise ValueError(f"iou is {self.iou}: it must lie in [0, 1]")

    def __call__(self, detections: Detections) -> Detections:
        return detections[nms(detections.boxes, detections.scores, detections.labels, self.iou)]
