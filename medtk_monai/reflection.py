"""Reflection, or zeros, at the borders of images and feature maps, for any width and any size.

Reflection leaves out the border voxel itself, as ``torch.nn.functional.pad(mode="reflect")`` does. Where the pad is no smaller than
the size it goes on to and fro, as NumPy does; an axis of one voxel repeats it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from medtk_monai.errors import DataError

PADDING_MODES = ("reflect", "zeros")
"""What lies beyond the borders of an image."""


def reflect_index(start: int, length: int, size: int, device: torch.device | str = "cpu") -> Tensor:
    """Indices (length,) int64 into an axis of ``size`` voxels for positions ``start, start + 1, ...``, reflected at both ends."""
    positions = torch.arange(start, start + length, device=device)
    period = max(2 * (size - 1), 1)
    return (size - 1) - ((positions % period) - (size - 1)).abs()


def check_padding_mode(padding_mode: str) -> str:
    """The mode, if there is one of that name.

    Raises:
        DataError: there is none.
    """
    if padding_mode not in PADDING_MODES:
        raise DataError(f"padding_mode is {padding_mode!r}", remedy=f"choose one of {', '.join(PADDING_MODES)}")
    return padding_mode


def read_region(image: Tensor, start: Sequence[int], size: Sequence[int], padding_mode: str = "reflect") -> Tensor:
    """The region of an image (..., *spatial) from ``start`` over ``size`` voxels, reflected or filled with zeros where it leaves the image."""
    if padding_mode == "reflect":
        return read_reflected(image, start, size)
    pads: list[int] = []
    for dim, (begin, length) in enumerate(zip(start, size), start=image.ndim - len(size)):
        extent = image.shape[dim]
        low, high = (min(max(end, 0), extent) for end in (begin, begin + length))
        before = min(max(-begin, 0), length)
        pads = [before, length - before - (high - low), *pads]
        image = image.narrow(dim, low, high - low)
    return F.pad(image, pads) if any(pads) else image


def read_reflected(image: Tensor, start: Sequence[int], size: Sequence[int], by_index: bool = False) -> Tensor:
    """The region of an image (..., *spatial) from ``start`` over ``size`` voxels, reflected where it leaves the image.

    Only the region is read: the cost follows its size, not that of the image.

    Args:
        by_index: slower, but with a gradient that is summed in a fixed order on a GPU, under ``torch.use_deterministic_algorithms``.
    """
    first = image.ndim - len(size)
    pads: list[int] = []
    bent: dict[int, Tensor] = {}
    for dim, (begin, length) in enumerate(zip(start, size), start=first):
        extent = image.shape[dim]
        low, high = max(begin, 0), min(begin + length, extent)
        pad = (low - begin, begin + length - high)
        # A reflection may need more than the part that is inside, if there is any.
        if max(pad) >= high - low or (max(pad) > 0 and (by_index or image.dtype == torch.bool)):
            index = reflect_index(begin, length, extent, image.device)
            low, high = int(index.min()), int(index.max()) + 1
            bent[dim], pad = index - low, (0, 0)
        pads = [*pad, *pads]
        image = image.narrow(dim, low, high - low)
    for dim, index in bent.items():  # of what is left only
        image = image.index_select(dim, index)
    if any(pads):
        shape = image.shape[first:]
        padded = F.pad(image.reshape(1, -1, *shape), pads, mode="reflect")
        image = padded.reshape(*image.shape[:first], *padded.shape[2:])
    return image


def reflect_pad(maps: Tensor, pad: Sequence[int]) -> Tensor:
    """Pad the last ``len(pad)`` axes of (B, C, *cells) maps by ``pad`` cells on both sides.

    Under ``torch.use_deterministic_algorithms`` its gradient on a GPU is summed in a fixed order, unlike that of torch's own padding.
    """
    sizes = maps.shape[-len(pad) :]
    ordered = maps.device.type == "cuda" and torch.are_deterministic_algorithms_enabled()
    if not ordered and all(size > width for size, width in zip(sizes, pad)):
        return F.pad(maps, [width for width in reversed(pad) for _ in range(2)], mode="reflect")
    return read_reflected(maps, [-width for width in pad], [size + 2 * width for size, width in zip(sizes, pad)], by_index=True)
