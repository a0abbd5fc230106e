"""Average precision as COCO computes it."""

from __future__ import annotations

import numpy as np

from medtk_monai.metrics.operating_points import count_operating_points

AP_IOUS = (0.1, 0.5, 0.75)
"""Where average precision is told beside that of the hit rule."""


def average_precision(scores: np.ndarray, is_tp: np.ndarray, num_objects: int) -> float:
    """Average precision of one class with COCO's 101-point interpolation (Lin et al., ECCV 2014).

    The mean, over the recalls 0, 0.01, ..., 1, of the best precision at that recall or a higher one. Recalls are compared exactly,
    in integers, and equal scores form one operating point, so the value does not depend on the order of the cases.

    Args:
        scores: (N,) scores of the detections of this class in all cases, those set aside left out.
        is_tp: (N,) bool.
        num_objects: found or missed.

    Returns:
        In [0, 1]; NaN when there are no objects.

    Raises:
        ValueError: a score is NaN, or there are more true positives than objects.
    """
    _, tp, fp = count_operating_points(scores, is_tp)
    if tp.max(initial=0) > num_objects:
        raise ValueError(f"{tp[-1]} true positives for {num_objects} objects: an object can be found only once")
    if num_objects == 0:
        return float("nan")
    envelope = np.maximum.accumulate((tp / (tp + fp))[::-1])[::-1]
    reached = np.searchsorted(100 * tp, np.arange(101) * num_objects, side="left")
    return float(np.append(envelope, 0.0)[reached].mean())
