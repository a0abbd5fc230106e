"""Arrays of files in the order and type of memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

Scale = tuple[float, float] | None
_ROWS, _PLANES = 64, 16
"""Of a block that is copied at once, so that it stays in the fast memory of the processor."""


def stack_planes(planes: Iterable[np.ndarray], size: tuple[int, ...], dtype: Any, scale: Scale = None) -> np.ndarray:
    """Channels (*spatial), the first axis of which lies closest in memory, as one array (C, *spatial) of which it is the last.

    Args:
        scale: slope and intercept, by which they are scaled.
    """
    planes = list(planes)
    array = np.empty((len(planes), *size), dtype)
    for channel, values in zip(array, planes):
        _copy_blocks(channel, values, scale)
    return array


def _copy_blocks(target: np.ndarray, values: np.ndarray, scale: Scale) -> None:
    last = values.ndim - 1
    for row in range(0, values.shape[0], _ROWS):
        for plane in range(0, values.shape[last], _PLANES):
            where = (slice(row, row + _ROWS), *[slice(None)] * (last - 1), slice(plane, plane + _PLANES))
            block = values[where]
            target[where] = block if scale is None else block * np.float64(scale[0]) + np.float64(scale[1])
