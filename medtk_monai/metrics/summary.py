"""All figures of an evaluation from its tables of matches, as plain numbers for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from medtk_monai.metrics.froc import FrocCurve, froc_curve
from medtk_monai.metrics.match_table import MatchTable
from medtk_monai.metrics.resampling import Interval, bootstrap_weights, intervals
from medtk_monai.metrics.rules import PRESETS, Rules
from medtk_monai.metrics.weighted import (
    Figure,
    average_precisions,
    average_precisions_step,
    case_aurocs,
    counts_at,
    froc_sensitivities,
    picai_scores,
)

Band = tuple[np.ndarray, np.ndarray, np.ndarray]
"""False positives per case, and the lower and upper ends of the sensitivity's interval there, (K,) each."""
_BAND_POINTS = 49


def figures(rules: Rules) -> dict[str, Figure]:
    """The single figures (B,) that detectors are compared by: froc_mean, sensitivity_at_1 (false positive per case), ap, case_auroc; by
    the rules of PI-CAI also picai_ap and picai_score."""

    def sensitivities(table: MatchTable, weights: np.ndarray) -> np.ndarray:
        return froc_sensitivities(table, weights, rules.fp_per_case, rules.interpolation)

    return {
        "froc_mean": lambda table, weights: sensitivities(table, weights).mean(axis=1),
        "sensitivity_at_1": lambda table, weights: froc_sensitivities(table, weights, [1.0], rules.interpolation)[:, 0],
        "ap": average_precisions,
        "case_auroc": case_aurocs,
        **ranking_figures(rules),
    }


def ranking_figures(rules: Rules) -> dict[str, Figure]:
    """What a challenge ranks by beyond what all evaluations tell: picai_ap and picai_score, where the rules are PI-CAI's."""
    return {"picai_ap": average_precisions_step, "picai_score": picai_scores} if rules == PRESETS["picai"] else {}


def summarize(
    table: MatchTable,
    rules: Rules,
    ap_tables: Mapping[float, MatchTable],
    weights: np.ndarray,
    level: float = 0.95,
) -> dict[str, Any]:
    """FROC, average precision and case-level figures with bootstrap intervals over patients; None stands for what is undefined.

    Args:
        table: matches by the rules.
        ap_tables: IoU threshold -> matches one to one at that IoU, of the same cases.
        weights: (B, N) of a bootstrap, see ``bootstrap_weights``; with B = 0 there are no intervals.

    Returns:
        Of each figure ``x`` also ``x_interval``, (low, high), with a bootstrap, see ``intervals``; None, None where there is none.
        ``froc_diseased`` is over the cases with lesions alone.
        ``picai_ap`` and ``picai_score`` are there if the rules are those of PI-CAI.
    """

    def of(figure: Figure, of_table: MatchTable = table, totals: Sequence[float] = (0.0,)) -> list[Interval]:
        return intervals(of_table, figure, weights, level, totals)

    def named(key: str, value: Interval) -> dict[str, Any]:
        return {key: plain(value.value)} | ({f"{key}_interval": _ends(value)} if len(weights) else {})

    def read_off(table: MatchTable, weights: np.ndarray) -> np.ndarray:
        values = froc_sensitivities(table, weights, rules.fp_per_case, rules.interpolation)
        return np.column_stack([values, values.mean(axis=1)])

    def curve(figure: Figure) -> dict[str, Any]:
        *values, mean = of(figure, totals=[*[num_lesions] * len(rules.fp_per_case), 0])
        return (
            {"fp_per_case": list(rules.fp_per_case), "sensitivity": [plain(value.value) for value in values]}
            | ({"sensitivity_interval": [_ends(value) for value in values]} if len(weights) else {})
            | named("mean", mean)
        )

    num_lesions = int(table.lesions.sum())
    classes = [table.of_class(label) for label in range(table.num_classes)]
    nothing = np.zeros((0, table.num_cases))

    def per_iou(label: int | None = None) -> dict[str, float | None]:
        tables = {iou: other if label is None else other.of_class(label) for iou, other in ap_tables.items()}
        return {f"{iou:g}": plain(intervals(other, average_precisions, nothing)[0].value) for iou, other in tables.items()}

    return (
        {
            "num_cases": table.num_cases,
            "num_patients": int(table.patients.max(initial=-1)) + 1,
            "num_diseased": int(table.diseased.sum()),
            "num_lesions": num_lesions,
            "num_detections": len(table.scores),
            "hit": rules.hit_name,
            "froc": curve(read_off),
            "froc_diseased": curve(lambda table, weights: read_off(table, weights * table.diseased)),
        }
        | named("ap", of(average_precisions)[0])
        | {"ap_per_iou": per_iou()}
        | named("case_auroc", of(case_aurocs)[0])
        | {key: value for name, figure in ranking_figures(rules).items() for key, value in named(name, of(figure)[0]).items()}
        | {
            "per_class": [
                {"label": label, "num_lesions": int(own.lesions.sum())}
                | named("ap", of(average_precisions, own)[0])
                | {"ap_per_iou": per_iou(label)}
                for label, own in enumerate(classes)
            ]
        }
    )


def curve_of(table: MatchTable) -> FrocCurve:
    """The whole FROC curve, for plots and tables."""
    return froc_curve(table.scores, table.is_tp, int(table.lesions.sum()), table.num_cases)


def assess(
    table: MatchTable,
    rules: Rules,
    ap_tables: Mapping[float, MatchTable],
    thresholds: Mapping[str, float],
    num_draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[dict[str, Any], Band]:
    """All of an evaluation: ``summarize`` with ``operating_points``, one for each of the named thresholds, and the band around the curve.

    Args:
        num_draws, seed: of the bootstrap over patients; without draws there are no intervals, and the band is NaN.
    """
    weights = bootstrap_weights(table, num_draws, seed)
    metrics = summarize(table, rules, ap_tables, weights, level)
    metrics |= {"bootstrap": {"draws": num_draws, "seed": seed, "level": level, "unit": "patient"}, "interpolation": rules.interpolation}
    metrics["operating_points"] = {name: operating_point(table, value, rules.beta, weights, level) for name, value in thresholds.items()}
    rates = np.geomspace(min(rules.fp_per_case) / 1.15, max(rules.fp_per_case) * 1.15, _BAND_POINTS)
    values = sensitivity_intervals(table, rates, rules, weights, level)
    return metrics, (rates, np.array([value.low for value in values]), np.array([value.high for value in values]))


def sensitivity_intervals(
    table: MatchTable, fp_per_case: Sequence[float] | np.ndarray, rules: Rules, weights: np.ndarray, level: float = 0.95
) -> list[Interval]:
    """Sensitivities at numbers of false positives per case, with their intervals, see ``intervals``."""

    def figure(table: MatchTable, weights: np.ndarray) -> np.ndarray:
        return froc_sensitivities(table, weights, fp_per_case, rules.interpolation)

    return intervals(table, figure, weights, level, float(table.lesions.sum()))


def operating_point(table: MatchTable, threshold: float, beta: float, weights: np.ndarray, level: float = 0.95) -> dict[str, Any]:
    """What it means to report detections from a threshold of the score on: counts, and shares with intervals, see ``intervals``.

    Args:
        threshold: scores of at least this much are reported.
        beta: of the F-score (van Rijsbergen, Information Retrieval, 1979).
        weights: as for ``summarize``.
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
    values = dict(zip(_SHARES, intervals(table, shares, weights, level, [totals.get(name, 0) for name in _SHARES])))
    return (
        {"threshold": plain(threshold), "beta": beta, "num_cases": table.num_cases, "num_diseased": int(table.diseased.sum())}
        | counts
        | {name: plain(value.value) for name, value in values.items()}
        | ({f"{name}_interval": _ends(value) for name, value in values.items()} if len(weights) else {})
    )


_SHARES = (
    "sensitivity", "ppv", "f_score", "fp_per_case", "fp_per_healthy_case", "fp_per_diseased_case", "case_sensitivity", "case_specificity",
)  # fmt: skip


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


def typed_threshold(value: float) -> float:
    """A threshold as scores are stored, in float32: 0.7 typed is to include a score of 0.7."""
    return float(np.float32(value))


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


def plain(value: float) -> float | None:
    """A Python float; None for what is not finite, which JSON lacks."""
    return float(value) if isfinite(value) else None


def _ends(interval: Interval) -> list[float | None]:
    return [plain(interval.low), plain(interval.high)]
