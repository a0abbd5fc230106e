"""When a detection hits an object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from medtk_monai.box_ops import box_centers, box_sizes, pairwise_iou
from medtk_monai.structures import Target

_ROUNDING = 1e-6


class Hit(Protocol):
    """A hit rule: how well each detection covers each object, and from which quality on it counts.

    ``hit(detection_boxes, object_boxes)`` takes (N, 2D) and (M, 2D) boxes of one unit, voxels or mm, and returns (N, M) qualities, the
    higher the better. Rules of distance have a quality of 1 at distance 0, and of 0.5, their threshold, at the farthest that counts.
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


@dataclass(frozen=True)
class CenterInBoxHit:
    """A detection hits an object when its center lies in the object's box, border included."""

    threshold: float = field(default=0.5, init=False)
    name: str = field(default="center in box", init=False)

    def __call__(self, detection_boxes: Tensor, object_boxes: Tensor) -> Tensor:
        offsets = (box_centers(detection_boxes)[:, None] - box_centers(object_boxes)[None]).abs()
        halves = box_sizes(object_boxes)[None] / 2
        # A box without extent along an axis is hit by what lies exactly there.
        relative = torch.where(offsets == 0, torch.zeros_like(offsets), offsets / halves)
        return _falling(relative.amax(dim=-1))


@dataclass(frozen=True)
class CenterDistanceHit:
    """A detection hits an object when their centers are no farther apart than a distance.

    Args:
        distance: in the unit of the boxes, mm in evaluations.

    Raises:
        ValueError: the distance is not positive.
    """

    distance: float
    threshold: float = field(default=0.5, init=False)

    def __post_init__(self) -> None:
        if not self.distance > 0:
            raise ValueError(f"the distance of a hit must be positive, got {self.distance}")

    @property
    def name(self) -> str:
        return f"distance<={self.distance:g}"

    def __call__(self, detection_boxes: Tensor, object_boxes: Tensor) -> Tensor:
        return _falling(_distances(detection_boxes, object_boxes) / self.distance)


@dataclass(frozen=True)
class RadiusHit:
    """A detection hits an object when its center is within the object's radius, half its longest side, of the object's center.

    So do LUNA16 (Setio et al., Medical Image Analysis 2017), whose boxes are cubes of the diameter, and ADAM (Timmins et al., NeuroImage
    2021), which takes the largest radius.

    Args:
        factor: of the radius.
        least: radius of smaller objects, such as points, in the unit of the boxes.

    Raises:
        ValueError: the factor is not positive, or the least radius negative.
    """

    factor: float = 1.0
    least: float = 0.0
    threshold: float = field(default=0.5, init=False)

    def __post_init__(self) -> None:
        if not self.factor > 0 or self.least < 0:
            raise ValueError(f"{self}: factor must be positive, least not negative")

    @property
    def name(self) -> str:
        return "within radius" + (f" x {self.factor:g}" if self.factor != 1 else "") + (f", at least {self.least:g}" if self.least else "")

    def __call__(self, detection_boxes: Tensor, object_boxes: Tensor) -> Tensor:
        radii = (box_sizes(object_boxes).amax(dim=-1) / 2 * self.factor).clamp(min=self.least)
        distances = _distances(detection_boxes, object_boxes)
        return _falling(torch.where(distances == 0, torch.zeros_like(distances), distances / radii))


@dataclass(frozen=True)
class MaskHit:
    """A detection hits an object when its center lies in the object's mask, as in CADA (Ivantsits et al., Medical Image Analysis 2022).

    Args:
        instances: (*spatial) whole numbers, i + 1 in the voxels of object i of this case.
        spacing: unit of the boxes per voxel along each axis, mm in evaluations.
    """

    instances: Tensor
    spacing: Sequence[float]
    threshold: float = field(default=0.5, init=False)
    name: str = field(default="center in mask", init=False)

    def __call__(self, detection_boxes: Tensor, object_boxes: Tensor) -> Tensor:
        size = torch.tensor(self.instances.shape)
        voxels = (box_centers(detection_boxes).double() / torch.tensor(self.spacing, dtype=torch.float64)).floor().long()
        inside = ((voxels >= 0) & (voxels < size)).all(dim=1)
        values = torch.zeros(len(voxels), dtype=torch.int64)
        values[inside] = self.instances[tuple(voxels[inside].T)].long()
        return (values[:, None] == torch.arange(1, len(object_boxes) + 1)).float()


def region_masks(target: Target, spacing: float | Sequence[float] = 1.0) -> MaskHit | None:
    """The masks of a target's ignored objects; None where it has no such objects, or their boxes tell what they cover.

    Args:
        spacing: unit of the boxes per voxel of the target's grid.
    """
    if target.ignored_region is None or target.region_numbers is None:
        return None
    region, numbers = target.ignored_region.long(), target.region_numbers
    objects = region.new_zeros(max(int(region.max()), int(numbers.max())) + 1)
    objects[numbers] = torch.arange(1, len(numbers) + 1, device=objects.device)
    objects[0] = 0
    steps = spacing if isinstance(spacing, Sequence) else (spacing,) * region.ndim
    return MaskHit(objects[region], tuple(steps))


def _distances(detection_boxes: Tensor, object_boxes: Tensor) -> Tensor:
    """(N, M) Euclidean distances of centers."""
    return (box_centers(detection_boxes).double()[:, None] - box_centers(object_boxes).double()[None]).square().sum(dim=-1).sqrt()


def _falling(relative: Tensor) -> Tensor:
    """Distances relative to the farthest that counts -> qualities; rounding does not push what lies at the border out."""
    return torch.where(relative <= 1 + _ROUNDING, (1 - relative / 2).clamp(min=0.5), 0.25 / relative)
