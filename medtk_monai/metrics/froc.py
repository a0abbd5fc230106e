"""Free-response ROC: sensitivity against false positives per case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medtk_monai.metrics.operating_points import count_operating_points

STANDARD_FP_PER_CASE = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Where the sensitivity is read off (LUNA16: Setio et al., Medical Image Analysis 2017)."""


@dataclass(frozen=True)
class FrocCurve:
    """A FROC curve, one entry per operating point, from the highest threshold down.

    The first point is the origin: nothing is reported (threshold infinite, no false positive, sensitivity 0).

    Args:
        thresholds: (K,) float64, the lowest score that is still reported.
        fp_per_case: (K,) float64, ascending.
        sensitivity: (K,) float64 in [0, 1], ascending; NaN when there are no lesions.
    """

    thresholds: np.ndarray
    fp_per_case: np.ndarray
    sensitivity: np.ndarray


def froc_curve(scores: np.ndarray, is_tp: np.ndarray, num_lesions: int, num_cases: int) -> FrocCurve:
    """The free-response ROC curve (Bunch et al., SPIE 1977; Chakraborty, Medical Physics 1989).

    Equal scores form one operating point. Cases without lesions count in the denominator of false positives per case.

    Args:
        scores: (N,) scores of all detections of all cases, those set aside left out.
        is_tp: (N,) bool, each lesion found at most once.
        num_lesions: found or missed; with 0 the sensitivity is NaN.
        num_cases: with and without lesions.

    Raises:
        ValueError: there is no case, more true positives than lesions, or a score is NaN.
    """
    if num_cases < 1:
        raise ValueError("a FROC curve needs at least one case")
    thresholds, tp, fp = count_operating_points(scores, is_tp)
    thresholds, tp, fp = np.r_[np.inf, thresholds], np.r_[0, tp], np.r_[0, fp]
    if tp[-1] > num_lesions:
        raise ValueError(f"{tp[-1]} true positives for {num_lesions} lesions: a lesion can be found only once")
    sensitivity = tp / num_lesions if num_lesions else np.full(len(tp), np.nan)
    return FrocCurve(thresholds, fp / num_cases, sensitivity)


def sensitivity_at(curve: FrocCurve, fp_per_case: float | Sequence[float] | np.ndarray) -> np.ndarray:
    """The best sensitivity among operating points with at most so many false positives per case; nothing is interpolated.

    Args:
        curve: a FROC curve.
        fp_per_case: one or more non-negative numbers.

    Returns:
        Sensitivities in the shape of ``fp_per_case``, in [0, 1]; 0 where no detection is affordable, NaN without lesions.
    """
    return curve.sensitivity[np.searchsorted(curve.fp_per_case, fp_per_case, side="right") - 1]
