"""Features of boxes, pooled to one size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def roi_align(maps: Tensor, boxes: Sequence[Tensor], stride: Sequence[float], output_size: Sequence[int], samples: int = 2) -> Tensor:
    """Bilinear samples in every bin of every box, averaged (He et al., Mask R-CNN, ICCV 2017); boxes are never rounded.

    Cell i of the map covers voxels [i s, (i + 1) s) and its value stands at the center; beyond the outermost centers the map goes on
    with their values.

    Args:
        maps: (B, C, *cells).
        boxes: for each image (N_b, 2D), voxels.
        stride: D values, voxels per cell.
        output_size: D numbers of bins.
        samples: points per bin along each axis, evenly spaced.

    Returns:
        (sum of N_b, C, *output_size), image by image; of the maps' type.

    Raises:
        ValueError: not one list of boxes per image.
    """
    if len(boxes) != len(maps):
        raise ValueError(f"{len(boxes)} lists of boxes for {len(maps)} images: give one for each, though it may be empty")
    return torch.cat([_align_one(image, found, stride, output_size, samples) for image, found in zip(maps, boxes)])


def _align_one(image: Tensor, boxes: Tensor, stride: Sequence[float], output_size: Sequence[int], samples: int) -> Tensor:
    if not len(boxes):
        return image.new_zeros(0, len(image), *output_size)
    lower, upper = boxes.to(torch.float64 if image.dtype == torch.float64 else torch.float32).chunk(2, dim=-1)
    axes = []
    for axis, (bins, cells, step) in enumerate(zip(output_size, image.shape[1:], stride)):
        points = bins * samples
        share = (torch.arange(points, device=boxes.device, dtype=lower.dtype) + 0.5) / points
        places = lower[:, axis, None] + share * (upper - lower)[:, axis, None]
        axes.append(2 * places / (cells * step) - 1)
    grid = _sampling_grid(axes)
    # The boxes of an image stand one behind the other along the first axis.
    found = F.grid_sample(image[None].to(grid.dtype), grid.flatten(0, 1)[None], padding_mode="border", align_corners=False)[0]
    split = found.unflatten(1, (len(boxes), -1)).transpose(0, 1)
    for axis, bins in enumerate(output_size):
        split = split.unflatten(axis + 2, (bins, samples)).mean(dim=axis + 3)
    return split.to(image.dtype)


def _sampling_grid(axes: Sequence[Tensor]) -> Tensor:
    """Coordinates (N, *points, D) of the points whose coordinates along axis d are ``axes[d]`` (N, points), last axis first."""
    dims = len(axes)
    shape = [len(axes[0]), *(axis.shape[1] for axis in axes)]
    spread = [axis.view(len(axis), *(-1 if d == own else 1 for d in range(dims))).expand(shape) for own, axis in enumerate(axes)]
    return torch.stack(spread[::-1], dim=-1)
