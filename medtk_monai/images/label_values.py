"""What the numbers of label maps mean: 0 is background, each number above it names something, those below it are to be ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import generate_binary_structure, label

IGNORED_VALUE = -1
"""Stands for all values below 0."""
_TOLERANCE = 1e-3
"""By which a scaled number may miss the whole number that it means."""
_SMALL = 2**20
"""Up to this value a table is faster than a search."""


@dataclass(frozen=True)
class LabelValues:
    """The numbers of a label map, which may be far apart, in order.

    Args:
        values: (N,) ascending numbers above 0, then ``IGNORED_VALUE`` for each region, connected by faces, edges or corners, of
            numbers below 0.
        numbered: (*spatial) int32, i + 1 in the voxels of ``values[i]``, 0 in the background.
    """

    values: tuple[int, ...]
    numbered: np.ndarray

    @property
    def num_named(self) -> int:
        """How many of the values name something, rather than being ignored."""
        return sum(value > 0 for value in self.values)


def whole_numbers(values: np.ndarray) -> np.ndarray | None:
    """Numbers as int32, or int64 where they need it, rounded where a scale has moved them a little; None if they are not whole."""
    if values.dtype.kind == "f":
        rounded = np.rint(values)
        with np.errstate(invalid="ignore"):
            if not (np.abs(values - rounded) <= _TOLERANCE).all() or np.abs(rounded).max(initial=0) >= 2**53:
                return None
        values = rounded
    elif values.dtype.kind not in "biu" or (values.dtype == np.uint64 and values.max(initial=0) >= 2**63):
        return None
    fits = values.size == 0 or (values.min() >= -(2**31) and values.max() < 2**31)
    return values.astype(np.int32 if fits else np.int64, copy=False)


def read_values(mask: np.ndarray) -> LabelValues:
    """The numbers of a mask (*spatial) of whole numbers."""
    named = np.flatnonzero(mask.ravel())
    found = np.unique(mask.ravel()[named])
    above = found[found > 0]
    numbered = np.zeros(mask.shape, np.int32)
    numbered.ravel()[named] = _places(mask.ravel()[named], above)
    ignored = 0
    if len(found) > len(above):
        regions, ignored = label(mask < 0, generate_binary_structure(mask.ndim, mask.ndim))
        numbered[regions > 0] = regions[regions > 0] + len(above)
    return LabelValues((*above.tolist(), *[IGNORED_VALUE] * ignored), numbered)


def _places(numbers: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(N,) places from 1 of numbers among ascending values; 0 for those below all of them."""
    if not len(values) or values[-1] >= _SMALL:
        return np.searchsorted(values, numbers, side="right")
    table = np.zeros(int(values[-1]) + 1, np.int32)
    table[values] = np.arange(1, len(values) + 1)
    return table[np.maximum(numbers, 0)]


def renumbered(numbered: np.ndarray, numbers: Mapping[int, int], dtype: type) -> np.ndarray:
    """The voxels of ``LabelValues.numbered`` with other numbers: that of place i for i + 1; 0 where none is given."""
    table: np.ndarray = np.zeros(int(numbered.max(initial=0)) + 1, dtype)
    table[[place + 1 for place in numbers]] = list(numbers.values())
    return table[numbered]
