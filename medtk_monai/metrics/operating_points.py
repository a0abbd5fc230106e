"""What FROC and average precision share: counts at every threshold of the score."""

from __future__ import annotations

import numpy as np


def count_operating_points(scores: np.ndarray, is_tp: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True and false positives at each distinct score, from the highest down.

    Equal scores form one operating point: no threshold can separate them, and the result does not depend on the order of cases.

    Args:
        scores: (N,) finite.
        is_tp: (N,) bool.

    Returns:
        thresholds (K,) descending, true positives (K,) and false positives (K,) with a score of at least that, int64.

    Raises:
        ValueError: a score is NaN, or the lengths differ.
    """
    scores, is_tp = np.asarray(scores, np.float64), np.asarray(is_tp, bool)
    if scores.shape != is_tp.shape or scores.ndim != 1:
        raise ValueError(f"scores {scores.shape} and is_tp {is_tp.shape} must be vectors of one length")
    if np.isnan(scores).any():
        raise ValueError("a score is NaN")
    negated, group = np.unique(-scores, return_inverse=True)
    hits = np.bincount(group[is_tp], minlength=len(negated))
    alarms = np.bincount(group[~is_tp], minlength=len(negated))
    return -negated, hits.cumsum(), alarms.cumsum()
