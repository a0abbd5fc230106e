"""Intervals of shares that need no spread in the data."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri


def wilson_interval(share: np.ndarray | float, total: np.ndarray | float, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """The score interval of a share (Wilson, Journal of the American Statistical Association 1927), without continuity correction.

    Args:
        share: in [0, 1], any shape.
        total: number of independent trials, broadcast with the share; below 1 there is no interval (NaN).
        level: nominal coverage.

    Returns:
        The lower and the upper ends, in [0, 1].
    """
    share, total = np.broadcast_arrays(np.asarray(share, dtype=float), np.asarray(total, dtype=float))
    total = np.where(total >= 1, total, np.nan)
    square = float(ndtri((1 + level) / 2)) ** 2
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = np.sqrt(square * (share * (1 - share) / total + square / (4 * total**2))) / (1 + square / total)
    # Where none or all succeed one end is exactly 0 or 1, which rounding may miss.
    low, high = np.where(share == 0, 0.0, middle - half), np.where(share == 1, 1.0, middle + half)
    return np.where(np.isnan(total), np.nan, low)[()], np.where(np.isnan(total), np.nan, high)[()]
