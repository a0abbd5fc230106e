"""Objects that the border of a patch cuts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from medtk_monai.box_ops import box_sizes, box_volumes, clip_boxes, visible_fractions
from medtk_monai.reflection import read_reflected
from medtk_monai.structures import Target


@dataclass(frozen=True)
class VisibilityRule:
    """What becomes of an object that the border of a patch cuts.

    Args:
        keep_fraction: with at least this share of its volume inside, an object is kept; in (0, 1].
        drop_fraction: up to this share it is dropped, and its rest counts as background unless a region tells that it is ignored; in [0, keep_fraction). Objects in between are
            ignored. For an object larger than the patch it is the share of what a patch could show at most.
    """

    keep_fraction: float = 0.7
    drop_fraction: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.drop_fraction < self.keep_fraction <= 1:
            raise ValueError(f"need 0 <= drop_fraction {self.drop_fraction} < keep_fraction {self.keep_fraction} <= 1")

    def __call__(self, target: Target, start: Sequence[int], size: Sequence[int]) -> Target:
        """The objects of the patch of ``size`` voxels from voxel ``start`` on, clipped to it and counted from its corner."""
        boxes = target.boxes - target.boxes.new_tensor(start).repeat(2)
        visible = visible_fractions(boxes, tuple(size))
        clipped = clip_boxes(boxes, tuple(size))
        showable = torch.minimum(box_sizes(boxes), boxes.new_tensor(size)).prod(dim=1)
        shown = box_volumes(clipped) > self.drop_fraction * showable
        ignored = target.ignored | (visible < self.keep_fraction)
        mask, region = (None if part is None else read_reflected(part, start, size) for part in (target.mask, target.ignored_region))
        return Target(clipped, target.labels, ignored, None, mask, region, target.in_region)[shown]
