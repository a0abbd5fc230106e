"""What the single figures leave out: how lesions of each size fare, and what scores mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medtk_monai.metrics.match_table import MatchTable
from medtk_monai.metrics.matching import CaseMatches
from medtk_monai.metrics.operating_points import count_operating_points
from medtk_monai.metrics.resampling import Interval, share_interval

SIZE_EDGES_MM = (0.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, np.inf)


@dataclass(frozen=True)
class Share:
    """A part of a whole in one bin, over all cases.

    Args:
        low, high: the ends of the bin; the lower one belongs to it.
        part, whole: counts.
        share: part by whole, with its interval over patients.
        mean: of the values in the bin.
    """

    low: float
    high: float
    part: int
    whole: int
    share: Interval
    mean: float

    @property
    def name(self) -> str:
        """The bin in words; the lowest one begins at 0."""
        if self.low == 0:
            return f"< {self.high:g}"
        return f"≥ {self.low:g}" if self.high == np.inf else f"{self.low:g}–{self.high:g}"


@dataclass(frozen=True)
class Lesions:
    """All objects that count.

    Args:
        cases: (L,) int64, index of the case.
        numbers: (L,) int64, index of the object in its case.
        sizes: (L,) float64, longest side, mm.
        scores: (L,) float64, of what found it; -inf where nothing did.
    """

    cases: np.ndarray
    numbers: np.ndarray
    sizes: np.ndarray
    scores: np.ndarray


def all_lesions(matches: Sequence[CaseMatches], sizes_mm: Sequence[np.ndarray]) -> Lesions:
    """The objects of all cases, the ignored ones left out.

    Args:
        matches: of each case.
        sizes_mm: of each case (M,), the longest side of each object.
    """
    rows = [
        (index, number, sizes[number], match.found_scores[number])
        for index, (match, sizes) in enumerate(zip(matches, sizes_mm))
        for number in np.flatnonzero(~match.object_ignored).tolist()
    ]
    owners, numbers, longest, scores = np.array(rows, dtype=float).reshape(-1, 4).T
    return Lesions(owners.astype(int), numbers.astype(int), longest, np.nan_to_num(scores, nan=-np.inf, neginf=-np.inf, posinf=np.inf))


def sensitivity_by_size(
    table: MatchTable, lesions: Lesions, threshold: float, weights: np.ndarray, edges: Sequence[float] = SIZE_EDGES_MM
) -> list[Share]:
    """Of the lesions of each size the share that is found by scores of at least ``threshold``; sizes without lesions are left out.

    Args:
        weights: (B, N) of the bootstrap, see ``bootstrap_weights``.
        edges: of the bins, mm.
    """
    return _shares(table, lesions.sizes, lesions.scores >= threshold, lesions.cases, weights, edges)


def hits_by_score(table: MatchTable, weights: np.ndarray, num_bins: int = 10) -> list[Share]:
    """Of the findings of each score in [0, 1] the share that are true positives; scores without findings are left out."""
    edges = np.linspace(0, 1, num_bins + 1)
    edges[-1] = np.nextafter(1.0, 2.0)  # a score of 1 belongs to the last bin
    return _shares(table, table.scores, table.is_tp, table.cases, weights, edges)


def _shares(
    table: MatchTable, values: np.ndarray, chosen: np.ndarray, cases: np.ndarray, weights: np.ndarray, edges: Sequence[float] | np.ndarray
) -> list[Share]:
    found = []
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (values >= low) & (values < high)
        if not inside.any():
            continue
        whole, part = (np.bincount(cases[mask], minlength=table.num_cases) for mask in (inside, inside & chosen))
        interval = share_interval(table, part, whole, weights)
        found.append(Share(float(low), float(high), int(part.sum()), int(whole.sum()), interval, float(values[inside].mean())))
    return found


def precision_recall(table: MatchTable) -> tuple[np.ndarray, np.ndarray]:
    """Recall and precision of all classes together at each distinct score, from the highest down; recall is NaN without lesions."""
    _, tp, fp = count_operating_points(table.scores, table.is_tp)
    lesions = int(table.lesions.sum())
    return tp / lesions if lesions else np.full(len(tp), np.nan), tp / (tp + fp)


def score_histogram(table: MatchTable, low: float, high: float, num_bins: int = 20) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How the scores of true and of false positives spread.

    Returns:
        Edges (K + 1,) from ``low`` to ``high``; percent of the true positives, and of the false positives, in each bin, (K,) each.
    """
    edges = np.linspace(low, high, num_bins + 1)
    hits, alarms = (
        np.histogram(values, edges)[0] * (100 / max(len(values), 1)) for values in (table.scores[table.is_tp], table.scores[~table.is_tp])
    )
    return edges, hits, alarms
