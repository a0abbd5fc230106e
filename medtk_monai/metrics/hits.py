"""When a detection hits an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from medtk_monai.box_ops import pairwise_iou


class Hit(Protocol):
    """A hit rule: how well each detection covers each object, and from which quality on it counts.

    ``hit(detection_boxes, object_boxes)`` takes (N, 2D) and (M, 2D) boxes and returns (N, M) qualities, the higher the better.
    """

    @property
    def threshold(self) -> float:
        """A quality of at least this much is a hit."""

    @property
    def name(self) -> str:
        """How the rule is called in result files."""

    def __call__(self, detection_boxes: Tensor, object_boxes: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class IoUHit:
    """A detection hits an object when their intersection over union reaches a threshold.

    0.1 is usual for lesions in volumes: the IoU of two small 3D boxes falls fast with the offset of their centers.

    Args:
        threshold: in (0, 1].

    Raises:
        ValueError: the threshold lies outside (0, 1].
    """

    threshold: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"the IoU threshold of a hit must lie in (0, 1], got {self.threshold}")

    @property
    def name(self) -> str:
        return f"iou>={self.threshold:g}"

    def __call__(self, detection_boxes: Tensor, object_boxes: Tensor) -> Tensor:
        """(N, 2D) and (M, 2D) boxes -> (N, M) IoU in [0, 1], float32."""
        return pairwise_iou(detection_boxes, object_boxes)
