"""Mirror images of objects, beyond the border of their image."""

from __future__ import annotations

from math import ceil, floor

import torch
from torch import Tensor

from medtk_monai.transforms.warp import Warp


def mirror_images(boxes: Tensor, warp: Warp, image_size: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """What a patch may show of objects beyond the faces of their image, where it is filled by reflection.

    Args:
        boxes: (N, 2D) of the objects, voxels of the image.
        warp: the patch.
        image_size: voxels.

    Returns:
        Boxes (K, 2D) of the mirror images, voxels of the image, and (K,) whose they are.
    """
    ends = [(low, high + 1) for low, high in zip(*warp.bounds())]
    shown, sources = boxes, torch.arange(len(boxes))
    for axis, ((low, high), length) in enumerate(zip(ends, image_size)):
        if (low < 0 or high > length) and len(boxes):
            copies = _along_a_thin_axis(shown, axis, low, high) if length == 1 else _mirrored_along(shown, axis, low, high, length)
            kept = [(copy[:, axis] < high) & (copy[:, axis + len(ends)] > low) for copy in copies]
            shown = torch.cat([shown, *(copy[some] for copy, some in zip(copies, kept))])
            sources = torch.cat([sources, *(sources[some] for some in kept)])
    return shown[len(boxes) :], sources[len(boxes) :]


def _mirrored_along(boxes: Tensor, axis: int, low: float, high: float, length: int) -> list[Tensor]:
    """The images of boxes along an axis of ``length`` voxels that may lie between two places: reflection leaves out the border voxel,
    so that all comes again after 2 (length - 1) voxels."""
    period = 2 * (length - 1)
    mirrored = _placed(boxes, axis, 1 - boxes[:, axis + boxes.shape[1] // 2], 1 - boxes[:, axis])
    turns = [turn * period for turn in range(floor(low / period) - 1, ceil(high / period) + 1)]
    return [_moved(part, axis, turn) for turn in turns for part in (boxes, mirrored) if turn or part is mirrored]


def _along_a_thin_axis(boxes: Tensor, axis: int, low: float, high: float) -> list[Tensor]:
    """The only voxel of an axis, and what it shows, goes on beyond both of its faces."""
    zeros, ones = torch.zeros(len(boxes)), torch.ones(len(boxes))
    return [_placed(boxes, axis, zeros + min(low, 0), zeros), _placed(boxes, axis, ones, zeros + max(high, 1))]


def _moved(boxes: Tensor, axis: int, distance: float) -> Tensor:
    return _placed(boxes, axis, boxes[:, axis] + distance, boxes[:, axis + boxes.shape[1] // 2] + distance)


def _placed(boxes: Tensor, axis: int, lower: Tensor, upper: Tensor) -> Tensor:
    result = boxes.clone()
    result[:, axis], result[:, axis + boxes.shape[1] // 2] = lower, upper
    return result
