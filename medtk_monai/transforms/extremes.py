"""Voxels that lie far outside of what all others are like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_REACH = 10.0
"""Times the span of the percentiles by which a voxel lies far outside of them."""
_MOST = 1e-3
"""Share of the voxels up to which those far outside are exceptions."""
_SWAY = 20.0
"""Times by which they raise the standard deviation."""


def find_extremes(values: np.ndarray, percentiles: Sequence[float]) -> dict[str, Any] | None:
    """Few voxels by which mean and standard deviation are made, and normalization with them; None if there are none.

    Args:
        values: (*spatial), finite.
        percentiles: ascending, of which the first and the last bound what is usual.

    Returns:
        ``count`` of the voxels, how many there are in ``all``, and the ``value`` of that which lies farthest.
    """
    low, high = percentiles[0], percentiles[-1]
    reach = _REACH * (high - low)
    least, most = float(values.min()), float(values.max())
    if reach <= 0 or (least >= low - reach and most <= high + reach):
        return None
    count = int(np.count_nonzero(values < low - reach) + np.count_nonzero(values > high + reach))
    usual = float(np.clip(values, low, high).std(dtype=np.float64))
    if count > _MOST * values.size or float(values.std(dtype=np.float64)) < _SWAY * usual:
        return None
    return {"count": count, "all": values.size, "value": most if most - high > low - least else least}


def tell_extremes(extremes: dict[str, Any], percentiles: Sequence[float]) -> str:
    """In words."""
    return (
        f"{extremes['count']} of {extremes['all']} voxels lie far outside of the others, up to {extremes['value']:.4g}, where most lie in "
        f"{percentiles[0]:.4g} to {percentiles[-1]:.4g}: mean and standard deviation are theirs"
    )
