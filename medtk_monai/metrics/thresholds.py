"""What it means to report findings from a threshold of the score on, and which thresholds are of interest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from medtk_monai.metrics.match_table import MatchTable
from medtk_monai.metrics.resampling import Interval, intervals, plain
from medtk_monai.metrics.weighted import counts_at
from medtk_monai.scores import stored_score


@dataclass(frozen=True)
class OperatingPoint:
    """Findings with at least the score of a threshold are reported. A number that a file does not tell is None, a share NaN.

    Args:
        threshold: infinite where no threshold gives what was asked for.
        beta: of the F-score.
        num_cases, num_diseased: all cases, and those with lesions.
        tp, fp, fn: lesions found, findings that are wrong, lesions missed.
        fp_healthy, fp_diseased: false positives in cases without and with lesions.
        case_tp, case_fp, case_fn, case_tn: the same of whole cases.
        f_score: van Rijsbergen, Information Retrieval, 1979.
    """

    threshold: float
    beta: float
    num_cases: int | None
    num_diseased: int | None
    tp: int | None
    fp: int | None
    fn: int | None
    fp_healthy: int | None
    fp_diseased: int | None
    case_tp: int | None
    case_fp: int | None
    case_fn: int | None
    case_tn: int | None
    sensitivity: Interval
    ppv: Interval
    f_score: Interval
    fp_per_case: Interval
    fp_per_healthy_case: Interval
    fp_per_diseased_case: Interval
    case_sensitivity: Interval
    case_specificity: Interval

    def to_dict(self, with_ends: bool = True) -> dict[str, Any]:
        """As files have it.

        Args:
            with_ends: tell the intervals, as ``x_interval``.
        """
        values = {part.name: getattr(self, part.name) for part in fields(self)} | {"threshold": plain(self.threshold)}
        shares = {name: values[name].to_dict(name, with_ends) for name in _SHARES}
        return values | {key: value for told in shares.values() for key, value in told.items()}

    @staticmethod
    def read(values: Mapping[str, Any]) -> OperatingPoint:
        """What ``to_dict`` told."""
        parts: dict[str, Any] = {part.name: values.get(part.name) for part in fields(OperatingPoint)}
        parts |= {name: Interval.read(values, name) for name in _SHARES}
        threshold = float("inf") if values["threshold"] is None else float(values["threshold"])
        return OperatingPoint(**parts | {"threshold": threshold, "beta": values.get("beta", 1)})


_SHARES = (
    "sensitivity", "ppv", "f_score", "fp_per_case", "fp_per_healthy_case", "fp_per_diseased_case", "case_sensitivity", "case_specificity",
)  # fmt: skip


def operating_point(table: MatchTable, threshold: float, beta: float, weights: np.ndarray, level: float = 0.95) -> OperatingPoint:
    """What it means to report detections from a threshold of the score on: counts, and shares with intervals, see ``intervals``.

    Args:
        threshold: scores of at least this much are reported.
        beta: of the F-score.
        weights: (B, N) of a bootstrap, see ``bootstrap_weights``.
    """
    ones = np.ones((1, table.num_cases))
    counts = {name: int(value[0]) for name, value in counts_at(table, ones, threshold).items()}

    def shares(table: MatchTable, weights: np.ndarray) -> np.ndarray:
        return _shares(table, weights, threshold, beta)

    totals = {
        "sensitivity": counts["tp"] + counts["fn"],
        "ppv": counts["tp"] + counts["fp"],
        "case_sensitivity": counts["case_tp"] + counts["case_fn"],
        "case_specificity": counts["case_fp"] + counts["case_tn"],
    }
    values = intervals(table, shares, weights, level, [totals.get(name, 0) for name in _SHARES])
    told: dict[str, Any] = {**counts, **dict(zip(_SHARES, values))}
    return OperatingPoint(threshold, beta, table.num_cases, int(table.diseased.sum()), **told)


def _shares(table: MatchTable, weights: np.ndarray, threshold: float, beta: float) -> np.ndarray:
    n = counts_at(table, weights, threshold)
    healthy, diseased = n["case_fp"] + n["case_tn"], n["case_tp"] + n["case_fn"]
    square = beta * beta
    columns = [
        (n["tp"], n["tp"] + n["fn"]),
        (n["tp"], n["tp"] + n["fp"]),
        ((1 + square) * n["tp"], (1 + square) * n["tp"] + square * n["fn"] + n["fp"]),
        (n["fp"], healthy + diseased),
        (n["fp_healthy"], healthy),
        (n["fp_diseased"], diseased),
        (n["case_tp"], diseased),
        (n["case_tn"], healthy),
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([np.where(whole > 0, part / whole, np.nan) for part, whole in columns], axis=1)


@dataclass(frozen=True)
class Wanted:
    """The operating points to tell of.

    Args:
        fp_per_case: thresholds with at most so many false positives per case.
        sensitivities: thresholds that find at least these shares of the lesions.
        thresholds: as they are, by name: those of a validation, say.
    """

    fp_per_case: Sequence[float] = (1.0,)
    sensitivities: Sequence[float] = ()
    thresholds: Mapping[str, float] | None = None

    def by_name(self, table: MatchTable) -> dict[str, float]:
        """The thresholds, by the names of their operating points."""
        return (
            {fp_name(rate): threshold_for_fp(table, rate) for rate in self.fp_per_case}
            | {f"sensitivity {share:g}": threshold_for_sensitivity(table, share) for share in self.sensitivities}
            | dict(self.thresholds or {})
        )


def fp_name(fp_per_case: float) -> str:
    """What the operating point with at most so many false positives per case is called."""
    return f"{fp_per_case:g} FP per case"


def typed_threshold(value: float) -> float:
    """A threshold as scores are compared, in float32 below 1: 0.7 typed is to include a score of 0.7."""
    return stored_score(value)


def threshold_for_fp(table: MatchTable, fp_per_case: float) -> float:
    """The lowest score from which on there are at most so many false positives per case; infinite where even the best score has more."""
    alarms = np.sort(table.scores[~table.is_tp])[::-1]
    allowed = int(np.floor(fp_per_case * table.num_cases + 1e-9))
    scores = np.unique(table.scores)
    if len(alarms) > allowed:
        scores = scores[scores > alarms[allowed]]
    return float(scores[0]) if len(scores) else float("inf")


def threshold_for_sensitivity(table: MatchTable, sensitivity: float) -> float:
    """The highest score from which on at least this share of the lesions is found; infinite where it is out of reach."""
    found = np.sort(table.scores[table.is_tp])[::-1]
    needed = int(np.ceil(sensitivity * table.lesions.sum() - 1e-9))
    if needed > len(found) or not len(found):
        return float("inf")
    return float(found[max(needed, 1) - 1])
