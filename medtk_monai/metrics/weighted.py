"""Figures of a match table in which cases weigh: by how often a bootstrap drew them, or 0 for those that are left out.

Weights are (B, N): B ways to weigh N cases at once. A weight of k counts as k copies of the case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from medtk_monai.metrics.match_table import MatchTable

_CHUNK = 2_000_000
"""Numbers that are worked on at once: memory does not grow with the number of draws."""
Interpolation = Literal["step", "linear"]
Compute = Callable[[MatchTable, np.ndarray], np.ndarray]
"""A table and weights (B, N) -> a figure (B,), or several (B, R)."""


def froc_sensitivities(
    table: MatchTable, weights: np.ndarray, fp_per_case: Sequence[float] | np.ndarray, interpolation: Interpolation = "step"
) -> np.ndarray:
    """Sensitivities (B, R) at R numbers of false positives per case (Chakraborty, Medical Physics 1989).

    Args:
        weights: (B, N).
        fp_per_case: R numbers from 0.
        interpolation: ``"step"``: that of the best operating point with at most so many; ``"linear"``: between operating points, the
            first of which is (0, 0) unless another has no false positive, as LUNA16 does.

    Returns:
        NaN where no lesion has a weight.
    """
    rates = np.asarray(fp_per_case, dtype=float)
    lesions, cases = weights @ table.lesions.sum(axis=1), weights.sum(axis=1)
    result = np.empty((len(weights), len(rates)))
    for rows, tp, fp in _cumulated(table, weights, every=interpolation == "linear"):
        for row, hits, alarms in zip(rows, tp, fp):
            result[row] = _read_off(hits, alarms, rates * cases[row], interpolation)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(lesions[:, None] > 0, result / lesions[:, None], np.nan)


def _read_off(hits: np.ndarray, alarms: np.ndarray, wanted: np.ndarray, interpolation: Interpolation) -> np.ndarray:
    """Hits at numbers of false alarms; both ascend from (0, 0)."""
    if interpolation == "step":
        return hits[np.searchsorted(alarms, wanted + 1e-9, side="right") - 1]
    last = np.append(np.diff(alarms) > 0, True)  # of points with as many false alarms the best
    return np.interp(wanted, alarms[last], hits[last])


def average_precisions(table: MatchTable, weights: np.ndarray) -> np.ndarray:
    """Average precision (B,), COCO's with 101 recalls, as the mean over the classes that have lesions; NaN where none has."""
    return _mean_over_classes(table, weights, _average_precision)


def average_precisions_step(table: MatchTable, weights: np.ndarray) -> np.ndarray:
    """Average precision (B,) without interpolation: the sum over distinct scores of precision times the recall that is gained there.

    PI-CAI ranks by it (Saha et al., Lancet Oncology 2024). A mean over the classes that have lesions; NaN where none has.
    """
    return _mean_over_classes(table, weights, _average_precision_step)


def picai_scores(table: MatchTable, weights: np.ndarray) -> np.ndarray:
    """The ranking score (B,) of PI-CAI: the mean of case-level AUROC and ``average_precisions_step``; NaN where either is undefined."""
    return (case_aurocs(table, weights) + average_precisions_step(table, weights)) / 2


def _mean_over_classes(table: MatchTable, weights: np.ndarray, figure: Compute) -> np.ndarray:
    per_class = np.stack([figure(table.of_class(label), weights) for label in range(table.num_classes)], axis=1)
    present = ~np.isnan(per_class)
    with np.errstate(invalid="ignore"):
        return np.where(present, per_class, 0.0).sum(axis=1) / np.where(present.any(axis=1), present.sum(axis=1), np.nan)


def _average_precision_step(table: MatchTable, weights: np.ndarray) -> np.ndarray:
    lesions = weights @ table.lesions.sum(axis=1)
    result = np.full(len(weights), np.nan)
    for rows, tp, fp in _cumulated(table, weights):
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.nan_to_num(tp / (tp + fp))
            gained = (np.diff(tp, axis=1) * precision[:, 1:]).sum(axis=1)
            result[rows] = np.where(lesions[rows] > 0, gained / lesions[rows], np.nan)
    return result


def _average_precision(table: MatchTable, weights: np.ndarray) -> np.ndarray:
    lesions = weights @ table.lesions.sum(axis=1)
    result = np.full(len(weights), np.nan)
    recalls = np.arange(101)
    for rows, tp, fp in _cumulated(table, weights):
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.nan_to_num(tp / (tp + fp))
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        for row, hits, best in zip(rows, tp, envelope):
            if lesions[row] > 0:
                # The first point, where nothing is reported, has no precision.
                reached = np.searchsorted(100 * hits[1:], recalls * lesions[row], side="left")
                result[row] = np.append(best[1:], 0.0)[reached].mean()
    return result


def case_aurocs(table: MatchTable, weights: np.ndarray) -> np.ndarray:
    """Area (B,) under the ROC curve of cases with against cases without lesions, by their best scores; NaN where either is missing."""
    order = np.argsort(table.case_scores, kind="stable")
    positive = weights[:, order] * table.diseased[order]
    negative = weights[:, order] * ~table.diseased[order]
    if not len(order):
        return np.full(len(weights), np.nan)
    scores = table.case_scores[order]
    starts = np.flatnonzero(np.append(True, scores[1:] != scores[:-1]))
    ties_positive, ties_negative = (np.add.reduceat(part, starts, axis=1) for part in (positive, negative))
    below = ties_negative.cumsum(axis=1) - ties_negative
    total = positive.sum(axis=1) * negative.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, (ties_positive * (below + ties_negative / 2)).sum(axis=1) / total, np.nan)


def counts_at(table: MatchTable, weights: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
    """What a threshold of the score gives, (B,) each: ``tp``, ``fp``, ``fn``; ``fp_healthy`` and ``fp_diseased``, false positives in
    cases without and with lesions; and of whole cases ``case_tp``, ``case_fp``, ``case_fn``, ``case_tn``.

    Args:
        threshold: scores of at least this much are reported.
    """
    reported = table.scores >= threshold
    diseased, positive = table.diseased, table.case_scores >= threshold
    lesions = weights @ table.lesions.sum(axis=1)
    hits, alarms = (np.bincount(table.cases[reported & chosen], minlength=table.num_cases) for chosen in (table.is_tp, ~table.is_tp))
    tp = weights @ hits
    return {
        "tp": tp,
        "fp": weights @ alarms,
        "fn": lesions - tp,
        "fp_healthy": weights @ (alarms * ~diseased),
        "fp_diseased": weights @ (alarms * diseased),
        "case_tp": weights @ (diseased & positive),
        "case_fp": weights @ (~diseased & positive),
        "case_fn": weights @ (diseased & ~positive),
        "case_tn": weights @ (~diseased & ~positive),
    }


def _cumulated(table: MatchTable, weights: np.ndarray, every: bool = False) -> Iterator[tuple[range, np.ndarray, np.ndarray]]:
    """For some rows of the weights at once: true and false positives (b, K + 1), from none on, down to each of K scores.

    These are all distinct ones, or those of hits and a point just before each: in between only false positives are added, so that no point
    there is better than the ones that are left, which are a tenth as many.
    """
    if every:
        knots = np.unique(-table.scores)
        columns, length = np.searchsorted(knots, -table.scores), len(knots)
    else:
        knots = np.unique(-table.scores[table.is_tp])
        # Even columns: false positives between two hits' scores; odd ones: those of a hit's score, and the hit.
        columns = np.searchsorted(knots, -table.scores, side="left") + np.searchsorted(knots, -table.scores, side="right")
        length = 2 * len(knots)
    tp, fp = (_counts(table, chosen & (columns < length), columns, length) for chosen in (table.is_tp, ~table.is_tp))
    step = max(_CHUNK // (length + 1), 1)
    for first in range(0, len(weights), step):
        rows = range(first, min(first + step, len(weights)))
        hits, alarms = (_sums(part, weights[rows.start : rows.stop]) for part in (tp, fp))
        yield rows, hits, alarms


def _sums(counts: csr_array, weights: np.ndarray) -> np.ndarray:
    """Counts (K, N) of cases that weigh (b, N) -> how many down to each of K scores, from none on, (b, K + 1)."""
    return np.hstack([np.zeros((len(weights), 1)), (counts @ weights.T).T.cumsum(axis=1)])


def _counts(table: MatchTable, chosen: np.ndarray, columns: np.ndarray, num_columns: int) -> csr_array:
    """How many of the chosen rows of each case (columns of the result) fall into each column (its rows)."""
    where = (columns[chosen], table.cases[chosen])
    return csr_array((np.ones(len(where[0])), where), shape=(num_columns, table.num_cases))
