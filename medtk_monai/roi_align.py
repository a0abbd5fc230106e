"""Features of boxes, pooled to one size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

CHUNK = 1 << 24
"""Values that the features of the boxes pooled at once may have when one axis is done."""


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
    """As ``roi_align`` of one image. Boxes are parallel to the axes, so that sampling is a product of one small matrix per axis."""
    exact = torch.float64 if image.dtype == torch.float64 else torch.float32
    chunk = max(1, CHUNK // (image[:, 0].numel() * output_size[0]))
    with torch.autocast(image.device.type, enabled=False):
        parts = [_pool(image.to(exact), part, stride, output_size, samples) for part in boxes.to(exact).split(chunk)]
    return torch.cat(parts).to(image.dtype)


def _pool(image: Tensor, boxes: Tensor, stride: Sequence[float], output_size: Sequence[int], samples: int) -> Tensor:
    lower, upper = boxes.chunk(2, dim=-1)
    weights = [
        _bin_weights(lower[:, axis] / step, upper[:, axis] / step, cells, bins, samples)
        for axis, (bins, cells, step) in enumerate(zip(output_size, image.shape[1:], stride))
    ]
    found = torch.einsum("nbx,cxr->ncbr", weights[0], image.flatten(2)).unflatten(3, image.shape[2:])
    for axis, weight in enumerate(weights[1:], start=3):
        moved = found.movedim(axis, 2)
        found = (weight[:, None] @ moved.flatten(3)).unflatten(3, moved.shape[3:]).movedim(2, axis)
    return found


def _bin_weights(lower: Tensor, upper: Tensor, cells: int, bins: int, samples: int) -> Tensor:
    """What each of the cells along an axis contributes to each bin between N lower and upper faces, in cells: (N, bins, cells)."""
    points = bins * samples
    share = (torch.arange(points, device=lower.device, dtype=lower.dtype) + 0.5) / points
    places = (lower[:, None] + share * (upper - lower)[:, None] - 0.5).clamp(0, cells - 1)
    offsets = places[..., None] - torch.arange(cells, device=lower.device, dtype=lower.dtype)
    return (1 - offsets.abs()).clamp(min=0).unflatten(1, (bins, samples)).mean(dim=2)
