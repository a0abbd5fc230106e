"""How sure a figure is: bootstrap intervals over patients, and tests of two detectors on the same patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan
from typing import Any

import numpy as np

from medtk_monai.metrics.match_table import MatchTable
from medtk_monai.metrics.weighted import Compute
from medtk_monai.metrics.wilson import wilson_interval

_EQUAL = 1e-12
"""Figures that differ by less differ by rounding."""


@dataclass(frozen=True)
class Interval:
    """A figure and its interval; NaN where it is undefined.

    Args:
        value: of all cases.
        low, high: the ends of the interval.
    """

    value: float
    low: float
    high: float

    def to_dict(self, name: str, with_ends: bool = True) -> dict[str, Any]:
        """As files have it: the figure by its name and, unless there was no bootstrap, ``name_interval``; None where undefined."""
        return {name: plain(self.value)} | ({f"{name}_interval": [plain(self.low), plain(self.high)]} if with_ends else {})

    @staticmethod
    def read(values: Mapping[str, Any], name: str) -> Interval:
        """What ``to_dict`` told; NaN for what is not there."""
        parts = (values.get(name), *(values.get(f"{name}_interval") or (None, None)))
        return Interval(*(float("nan") if part is None else float(part) for part in parts))


@dataclass(frozen=True)
class Bootstrap:
    """A bootstrap over patients.

    Args:
        draws: how many; without any there are no intervals.
        seed: of the draws.
        level: nominal coverage of the intervals.
    """

    draws: int = 0
    seed: int = 0
    level: float = 0.95

    def weights(self, table: MatchTable) -> np.ndarray:
        """See ``bootstrap_weights``."""
        return bootstrap_weights(table, self.draws, self.seed)


NO_BOOTSTRAP = Bootstrap()


def plain(value: float) -> float | None:
    """A Python float; None for what is not finite, which JSON lacks."""
    return float(value) if isfinite(value) else None


def bootstrap_weights(table: MatchTable, num_draws: int, seed: int = 0) -> np.ndarray:
    """Weights (B, N) of a bootstrap over patients (Efron, Annals of Statistics 1979): as many patients as there are, drawn with
    replacement, each with all its cases."""
    patients = int(table.patients.max(initial=-1)) + 1
    generator = np.random.default_rng(seed)
    drawn = (
        generator.multinomial(patients, np.full(patients, 1 / max(patients, 1)), size=num_draws) if patients else np.zeros((num_draws, 0))
    )
    return drawn[:, table.patients].astype(float)


def intervals(
    table: MatchTable, figure: Compute, weights: np.ndarray, level: float = 0.95, totals: Sequence[float] | float = 0.0
) -> list[Interval]:
    """A figure, or each of several, with the percentile interval of its bootstrap distribution.

    Draws in which a figure is undefined, such as those without lesions, are left out of its distribution. Where both ends are
    the same, as when all lesions are found, or when there is one patient, they would tell of no doubt at all: shares then get the score
    interval of Wilson, in which cases and lesions of a patient count as independent, and other figures get none (NaN).

    Args:
        weights: (B, N), see ``bootstrap_weights``; with B = 0 there are no intervals (NaN).
        level: nominal coverage.
        totals: of what number each figure is a share; 0 for figures that are no shares.
    """
    values = np.atleast_2d(figure(table, np.ones((1, table.num_cases))).T).T[0]
    drawn = figure(table, weights).reshape(len(weights), len(values))
    wholes = np.broadcast_to(np.asarray(totals, dtype=float), values.shape)
    return [
        Interval(float(value), *_ends_of(float(value), column, float(whole), level))
        for value, column, whole in zip(values, drawn.T, wholes)
    ]


def _ends_of(value: float, drawn: np.ndarray, total: float, level: float) -> tuple[float, float]:
    low, high = _quantiles(drawn, (1 - level) / 2)
    if np.isnan(low) or high - low > _EQUAL:
        return low, high
    lower, upper = wilson_interval(value, total, level)
    return float(lower), float(upper)


def share_interval(table: MatchTable, part: np.ndarray, whole: np.ndarray, weights: np.ndarray, level: float = 0.95) -> Interval:
    """The sum of ``part`` (N,) over the sum of ``whole`` (N,), counts of each case of which the one is among the other.

    Returns:
        With its interval, see ``intervals``; NaN where the whole is 0.
    """
    return intervals(table, _ratio(part, whole), weights, level, float(whole.sum()))[0]


def rate_interval(table: MatchTable, part: np.ndarray, whole: np.ndarray, weights: np.ndarray, level: float = 0.95) -> Interval:
    """As ``share_interval``, but of counts that may exceed the whole, such as false positives per case."""
    return intervals(table, _ratio(part, whole), weights, level)[0]


def _ratio(part: np.ndarray, whole: np.ndarray) -> Compute:
    def figure(_: MatchTable, weights: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(weights @ whole > 0, (weights @ part) / (weights @ whole), np.nan)

    return figure


def _quantiles(values: np.ndarray, tail: float) -> tuple[float, float]:
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


@dataclass(frozen=True)
class Comparison:
    """Two detectors on the same cases.

    Args:
        first, second: their figures.
        difference: second minus first, with its paired bootstrap interval.
        p_value: of a permutation test, two-sided.
    """

    first: float
    second: float
    difference: Interval
    p_value: float


def compare(
    first: MatchTable, second: MatchTable, figure: Compute, num_draws: int = 1000, seed: int = 0, level: float = 0.95
) -> Comparison:
    """Compare a figure of two detectors by a paired bootstrap and by a permutation test over patients.

    The permutation test exchanges the detectors' results on random patients (Good, Permutation Tests, 1994): its p-value is the share
    of exchanges, the actual one included, whose difference is at least as large. Identical detectors have p = 1.

    Args:
        figure: a single one, (B,).
        num_draws: of the bootstrap, and of the test.

    Raises:
        ValueError: the tables are of different cases.
    """
    if not np.array_equal(first.lesions, second.lesions) or not np.array_equal(first.patients, second.patients):
        raise ValueError("the tables are of different cases, or of different lesions in them")
    weights = bootstrap_weights(first, num_draws, seed)
    ones = np.ones((1, first.num_cases))
    values = [float(figure(table, ones)[0]) for table in (first, second)]
    drawn = figure(second, weights) - figure(first, weights)
    difference = Interval(values[1] - values[0], *_quantiles(drawn, (1 - level) / 2))
    joint = _joined(first, second)
    exchanged = np.random.default_rng([seed, 1]).integers(0, 2, (num_draws, int(first.patients.max(initial=-1)) + 1))[:, first.patients]
    one, other = np.hstack([1.0 - exchanged, exchanged]), np.hstack([exchanged, 1.0 - exchanged])
    permuted = np.abs(figure(joint, other) - figure(joint, one))
    extreme = permuted >= abs(difference.value) - 1e-12
    p_value = float((1 + extreme.sum()) / (1 + num_draws)) if isfinite(difference.value) else nan
    return Comparison(values[0], values[1], difference, p_value)


def _joined(first: MatchTable, second: MatchTable) -> MatchTable:
    """The cases of both, one after the other."""
    return replace(
        first,
        **{name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in ("scores", "is_tp", "labels")},
        cases=np.concatenate([first.cases, second.cases + first.num_cases]),
        lesions=np.concatenate([first.lesions, second.lesions]),
        case_scores=np.concatenate([first.case_scores, second.case_scores]),
        patients=np.concatenate([first.patients, second.patients]),
    )
