"""Lesions and false positives by what their rows tell: place, intensity, level of the network; and classes found as others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medtk_monai.evaluation.errors.kinds import CaseErrors, Kind
from medtk_monai.evaluation.errors.rows import Row
from medtk_monai.evaluation.errors.strata import NO_VALUE, bin_names, told
from medtk_monai.metrics.match_table import MatchTable
from medtk_monai.metrics.resampling import rate_interval, share_interval

NO_PRIOR = "no prior"
Stratum = Callable[[Row], str | None]


@dataclass(frozen=True)
class RowStrata:
    """Counts rows by strata.

    Args:
        lesions, false_positives: rows of the tables.
        case_ids: of all cases, in the order of the table.
        table: all matches, for its patients.
        weights: (B, N) of a bootstrap; with B = 0 there are no intervals.
    """

    lesions: Sequence[Row]
    false_positives: Sequence[Row]
    case_ids: Sequence[str]
    table: MatchTable
    weights: np.ndarray

    def count(self, names: Sequence[str], of_lesion: Stratum, of_alarm: Stratum | None = None) -> list[dict[str, Any]]:
        """Lesions, sensitivity and, if alarms have strata too, false positives per case, of each stratum in ``names``."""
        strata = []
        for name in names:
            own = [row for row in self.lesions if of_lesion(row) == name]
            lesions, found = self._per_case(own), self._per_case([row for row in own if row["kind"] == "found"])
            row = {"stratum": name, "lesions": int(lesions.sum()), "found": int(found.sum())}
            row |= told("sensitivity", share_interval(self.table, found, lesions, self.weights), self.weights)
            if of_alarm is not None:
                alarms = self._per_case([alarm for alarm in self.false_positives if of_alarm(alarm) == name])
                row["false_positives"] = int(alarms.sum())
                row |= told("fp_per_case", rate_interval(self.table, alarms, np.ones(len(alarms)), self.weights), self.weights)
            strata.append(row)
        return strata

    def by_number(self, column: str, edges: Sequence[float], with_alarms: bool = True) -> list[dict[str, Any]]:
        """Strata by a column of numbers; a number on an edge belongs to the bin above, rows without one are a stratum of their own.

        Args:
            edges: between the bins, ascending.
            with_alarms: false positives have the column as well.
        """
        names, limits = bin_names(edges), np.asarray(edges, dtype=float)
        limits = limits - 1e-6 * abs(limits)  # distances come from rounded coordinates

        def stratum(row: Row) -> str:
            value = row[column]
            return NO_VALUE if value is None else names[int(np.searchsorted(limits, value, side="right"))]

        rows = [*self.lesions, *(self.false_positives if with_alarms else ())]
        extra = [NO_VALUE] if any(row[column] is None for row in rows) else []
        return self.count([*names, *extra], stratum, stratum if with_alarms else None)

    def by_quartile(self, column: str) -> list[dict[str, Any]]:
        """Strata between the quartiles of the lesions' numbers."""
        values = [row[column] for row in self.lesions if row[column] is not None]
        return self.by_number(column, sorted(set(np.quantile(values, [0.25, 0.5, 0.75]).tolist())) if values else [])

    def by_level(self, num_levels: int) -> list[dict[str, Any]]:
        """Lesions by the level that most of their positive priors are of, false positives by the level of their prior.

        Returns:
            Strata, with ``found_by_level``: how many of the found lesions a prior of each level found; those of unknown priors miss.
        """
        names = [*map(str, range(num_levels)), NO_PRIOR]

        def assigned(row: Row) -> str:
            return NO_PRIOR if row["assigned_level"] is None else str(row["assigned_level"])

        strata = self.count(names, assigned, lambda row: None if row["level"] is None else str(row["level"]))
        for part in strata:
            found = [row["level"] for row in self.lesions if assigned(row) == part["stratum"] and row["kind"] == "found"]
            part["found_by_level"] = [found.count(level) for level in range(num_levels)]
        return strata

    def _per_case(self, rows: Sequence[Row]) -> np.ndarray:
        """(N,) how many rows are of each case."""
        numbers = {name: number for number, name in enumerate(self.case_ids)}
        return np.bincount([numbers[row["case_id"]] for row in rows], minlength=len(numbers)).astype(float)


def class_confusion(errors: Sequence[CaseErrors]) -> list[dict[str, Any]]:
    """What lesions of each class are found as, from the threshold on; empty where there is one class only.

    A lesion that no detection of its class found counts as found by the best-scored of those that hit it as another class.

    Returns:
        For each class ``label``, ``lesions``, ``found_as`` (a count for each class), ``missed``.
    """
    num_classes = 1 + max((int(part.max(initial=0)) for one in errors for part in (one.match.labels, one.match.object_labels)), default=0)
    if num_classes < 2:
        return []
    counts = np.zeros((num_classes, num_classes + 1), dtype=int)
    for one in errors:
        for index in np.flatnonzero(one.lesions):
            counts[one.match.object_labels[index], _found_as(one, int(index), num_classes)] += 1
    return [
        {"label": label, "lesions": int(row.sum()), "found_as": row[:-1].tolist(), "missed": int(row[-1])}
        for label, row in enumerate(counts)
    ]


def _found_as(errors: CaseErrors, index: int, missed: int) -> int:
    if errors.found[index]:
        return int(errors.match.object_labels[index])
    mistaken = np.flatnonzero((errors.kinds == Kind.CLASS) & (errors.objects == index))
    return int(errors.match.labels[mistaken[errors.match.scores[mistaken].argmax()]]) if len(mistaken) else missed
