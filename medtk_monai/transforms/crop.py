"""Random patches that show objects often enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from monai.transforms import Randomizable, Transform
from monai.utils import ensure_tuple_rep
from torch import Tensor

from medtk_monai.box_ops import box_sizes, box_volumes, clip_boxes, visible_fractions
from medtk_monai.reflection import read_reflected
from medtk_monai.structures import Target


@dataclass(frozen=True)
class VisibilityRule:
    """What becomes of an object that the border of a patch cuts.

    Args:
        keep_fraction: with at least this share of its volume inside, an object is kept; in (0, 1].
        drop_fraction: up to this share it is dropped, and its rest counts as background; in [0, keep_fraction). Objects in between are
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
        mask = None if target.mask is None else read_reflected(target.mask, start, size)
        return Target(clipped, target.labels, target.ignored | (visible < self.keep_fraction), mask=mask)[shown]


class RandCropBoxesd(Randomizable, Transform):
    """Cut a random patch out of ``image``, a plain tensor (C, *spatial), and its ``target``; move ``affine`` along if there is one.

    A patch either contains a uniformly chosen object at a random place (whole, if it fits), or lies anywhere. Where it leaves the
    image, it is filled by reflection, as at inference. Only the patch is read, and the input is never written to.

    Args:
        patch_size: voxels per axis, or one number for all.
        object_fraction: probability of a patch around an object, if there are objects that are not ignored; in [0, 1].
        keep_fraction: see VisibilityRule.
        drop_fraction: see VisibilityRule.
        overhang: voxels per axis, or one number for all, by which a patch may leave the image; in [0, patch_size). An image smaller than
            the patch lies in it at a random place.
    """

    def __init__(
        self,
        patch_size: Sequence[int] | int,
        object_fraction: float = 0.7,
        keep_fraction: float = 0.7,
        drop_fraction: float = 0.2,
        overhang: Sequence[int] | int = 0,
    ):
        if not 0 <= object_fraction <= 1:
            raise ValueError(f"object_fraction {object_fraction} lies outside [0, 1]")
        self.patch_size = patch_size
        self.object_fraction = object_fraction
        self.rule = VisibilityRule(keep_fraction, drop_fraction)
        self.overhang = overhang

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        image, target = data["image"], data["target"]
        dims = image.ndim - 1
        patch = ensure_tuple_rep(self.patch_size, dims)
        lowest, highest = _start_range(image.shape[1:], patch, ensure_tuple_rep(self.overhang, dims))
        candidates = (~target.ignored).nonzero().flatten()
        if self.R.random_sample() < self.object_fraction and len(candidates):
            box = target.boxes[candidates[self.R.randint(len(candidates))]]
            lowest, highest = _start_range_around(box, patch, lowest, highest)
        start = [int(self.R.randint(low, high + 1)) for low, high in zip(lowest, highest)]
        result = dict(data)
        result["image"] = read_reflected(image, start, patch).clone(memory_format=torch.contiguous_format)
        cut = [begin > 0 for begin in start] + [begin + length < n for begin, length, n in zip(start, patch, image.shape[1:])]
        result["target"] = replace(self.rule(target, start, patch), cut=torch.tensor(cut))
        if "affine" in data:
            result["affine"] = _shift_affine(data["affine"], start)
        return result


def _start_range(size: Sequence[int], patch: Sequence[int], overhang: Sequence[int]) -> tuple[list[int], list[int]]:
    """First and last voxel at which a patch may start, per axis."""
    if any(not 0 <= margin < length for margin, length in zip(overhang, patch)):
        raise ValueError(f"overhang {tuple(overhang)} must be 0 or more and less than patch_size {tuple(patch)}")
    lowest = [min(0, extent - length) - margin for extent, length, margin in zip(size, patch, overhang)]
    highest = [max(0, extent - length) + margin for extent, length, margin in zip(size, patch, overhang)]
    return lowest, highest


def _start_range_around(box: Tensor, patch: Sequence[int], lowest: list[int], highest: list[int]) -> tuple[list[int], list[int]]:
    """The part of the range where a patch contains the box, or is filled by it along axes where it does not fit."""
    lower, upper = box.chunk(2)
    ends = [(int(b) - length, int(a)) for a, b, length in zip(lower.floor(), upper.ceil(), patch)]
    return [max(min(end), low) for end, low in zip(ends, lowest)], [min(max(end), high) for end, high in zip(ends, highest)]


def _shift_affine(affine: Tensor, start: Sequence[int]) -> Tensor:
    """The affine of a grid whose first voxel is voxel ``start`` of the old one."""
    shift = torch.eye(len(affine), dtype=affine.dtype)
    shift[:-1, -1] = shift.new_tensor(start)
    return affine @ shift
