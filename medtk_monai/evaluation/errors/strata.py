"""Findings by size of the lesion, by values of the case, and by score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from medtk_monai.errors import DataError
from medtk_monai.evaluation.errors.kinds import CaseErrors, Kind
from medtk_monai.metrics import Outcome
from medtk_monai.metrics.match_table import MatchTable
from medtk_monai.metrics.resampling import Interval, rate_interval, share_interval

NO_VALUE = "(none)"


def strata_by_size(errors: Sequence[CaseErrors], table: MatchTable, edges: Sequence[float], weights: np.ndarray) -> list[dict[str, Any]]:
    """Lesions and sensitivity by longest side.

    Args:
        table: all matches, for its patients.
        edges: between the bins, mm, ascending; a size on an edge belongs to the bin above.
        weights: (B, N) of a bootstrap; with B = 0 there are no intervals.

    Returns:
        For each bin ``stratum``, ``lesions``, ``found``, ``sensitivity``, ``sensitivity_interval`` (95%, over patients).
    """
    bins = [np.searchsorted(np.asarray(edges), longest_sides(part), side="right") for part in errors]
    return [
        {"stratum": name} | _sensitivity(errors, [part == number for part in bins], table, weights)
        for number, name in enumerate(bin_names(edges))
    ]


def bin_names(edges: Sequence[float]) -> list[str]:
    """Of the bins between edges, and below and above all."""
    numbers = [f"{edge:g}" for edge in edges]
    return [f"< {numbers[0]}", *(f"{a} - {b}" for a, b in zip(numbers, numbers[1:])), f">= {numbers[-1]}"] if numbers else ["all"]


def strata_by_column(errors: Sequence[CaseErrors], table: MatchTable, column: str, weights: np.ndarray) -> list[dict[str, Any]]:
    """Cases, lesions, sensitivity and false positives per case by a column of the datalist; cases without a value are a stratum.

    Returns:
        As ``strata_by_size``, and ``cases``, ``false_positives``, ``fp_per_case``, ``fp_per_case_interval``.

    Raises:
        DataError: no case has the column.
    """
    columns = sorted({name for part in errors for name in part.case.truth.columns})
    if column not in columns:
        remedy = f"choose from {', '.join(columns)}" if columns else "its cases have no columns to choose from"
        raise DataError(f"the datalist has no column {column!r}", remedy=remedy)
    values = np.array([str(part.case.truth.columns.get(column, NO_VALUE)) for part in errors])
    alarms = np.array([(part.kinds != Kind.NONE).sum() for part in errors])
    rows = []
    for value in sorted(set(values), key=_natural):
        own = values == value
        row = {"stratum": str(value), "cases": int(own.sum()), "false_positives": int(alarms[own].sum())}
        row |= _sensitivity(errors, [np.full(len(part.lesions), yes) for part, yes in zip(errors, own)], table, weights)
        rate = rate_interval(table, alarms * own, own.astype(float), weights)
        rows.append(row | told("fp_per_case", rate, weights))
    return rows


def _natural(value: str) -> tuple[bool, float, str]:
    """Numbers by size before words."""
    try:
        return False, float(value), value
    except ValueError:
        return True, 0.0, value


def _sensitivity(errors: Sequence[CaseErrors], chosen: Sequence[np.ndarray], table: MatchTable, weights: np.ndarray) -> dict[str, Any]:
    lesions = np.array([(part.lesions & own).sum() for part, own in zip(errors, chosen)], dtype=float)
    found = np.array([(part.found & own).sum() for part, own in zip(errors, chosen)], dtype=float)
    counts = {"lesions": int(lesions.sum()), "found": int(found.sum())}
    return counts | told("sensitivity", share_interval(table, found, lesions, weights), weights)


def told(name: str, value: Interval, weights: np.ndarray) -> dict[str, Any]:
    """A figure, with its interval if there are weights."""
    return value.to_dict(name, len(weights) > 0)


def longest_sides(errors: CaseErrors) -> np.ndarray:
    """(M,) longest side of each object, mm."""
    sizes = errors.case.truth.boxes.sizes.numpy()
    return sizes.max(axis=1) if len(sizes) else np.zeros(0)


def calibration(errors: Sequence[CaseErrors], num_bins: int = 10) -> dict[str, Any]:
    """How far scores are probabilities: reliability by bins of equal width, and the expected calibration error (Naeini et al., AAAI 2015;
    Guo et al., ICML 2017), the mean distance of score and share of true positives weighted by the detections of a bin.

    All detections count but those set aside, whatever their score.

    Returns:
        ``ece``, None without detections or where a score lies outside [0, 1]; ``bins``: ``low``, ``high``, ``detections``,
        ``mean_score``, ``true_share``. A score on the border of two bins belongs to the one above.
    """
    counted = [part.match.outcomes != Outcome.SET_ASIDE for part in errors]
    scores = np.concatenate([np.empty(0), *(part.match.scores[own] for part, own in zip(errors, counted))])
    is_tp = np.concatenate([np.empty(0, bool), *(part.match.outcomes[own] == Outcome.TRUE_POSITIVE for part, own in zip(errors, counted))])
    if not len(scores) or scores.min() < 0 or scores.max() > 1:
        return {"ece": None, "bins": []}
    edges = np.linspace(0, 1, num_bins + 1)
    numbers = np.searchsorted(edges[1:-1] - 1e-6, scores, side="right")  # scores are rounded to float32
    rows, distance = [], 0.0
    for number in range(num_bins):
        own = numbers == number
        mean, share = (float(values[own].mean()) if own.any() else None for values in (scores, is_tp))
        low, high = float(edges[number]), float(edges[number + 1])
        rows.append({"low": low, "high": high, "detections": int(own.sum()), "mean_score": mean, "true_share": share})
        distance += abs((scores[own] - is_tp[own]).sum())
    return {"ece": distance / len(scores), "bins": rows}
