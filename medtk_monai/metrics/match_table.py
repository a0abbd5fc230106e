"""All matches of an evaluation in one table, from which every figure is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medtk_monai.metrics.matching import UNMATCHED, CaseMatches, Outcome, pool_matches


@dataclass(frozen=True)
class MatchTable:
    """Found objects and false positives of N cases, and what else figures need to know of the cases.

    Args:
        scores: (K,) float64, of found objects and of false positives.
        is_tp: (K,) bool.
        labels: (K,) int64.
        cases: (K,) int64, index of the case.
        lesions: (N, C) int64, objects of each class in each case, the ignored ones left out.
        case_scores: (N,) float64, the best score of a case, findings of ignored objects left out; -inf without any.
        patients: (N,) int64, index of the patient of each case.
    """

    scores: np.ndarray
    is_tp: np.ndarray
    labels: np.ndarray
    cases: np.ndarray
    lesions: np.ndarray
    case_scores: np.ndarray
    patients: np.ndarray

    @property
    def num_cases(self) -> int:
        return len(self.lesions)

    @property
    def num_classes(self) -> int:
        return self.lesions.shape[1]

    @property
    def diseased(self) -> np.ndarray:
        """(N,) bool: the case has an object that counts."""
        return self.lesions.sum(axis=1) > 0

    def of_class(self, label: int) -> MatchTable:
        """The table of one class, which is class 0 there; case scores stay those of all."""
        own = self.labels == label
        return MatchTable(
            self.scores[own],
            self.is_tp[own],
            np.zeros(own.sum(), np.int64),
            self.cases[own],
            self.lesions[:, [label]],
            self.case_scores,
            self.patients,
        )


def tabulate(matches: Sequence[CaseMatches], num_classes: int, patients: Sequence[str] | None = None) -> MatchTable:
    """The matches of all cases as one table.

    Args:
        matches: one for each case.
        num_classes: C, larger than every label.
        patients: of each case; None where each is a patient of its own.

    Raises:
        ValueError: the numbers of cases and patients differ.
    """
    if patients is not None and len(patients) != len(matches):
        raise ValueError(f"{len(patients)} patients for {len(matches)} cases")
    pooled = pool_matches(matches, num_classes)
    lesions = np.array([case.count_objects(num_classes) for case in matches], dtype=np.int64).reshape(len(matches), num_classes)
    best = np.array([case.scores[_speaks(case)].max(initial=-np.inf) for case in matches])
    numbers = np.unique([] if patients is None else list(patients), return_inverse=True)[1] if patients else np.arange(len(matches))
    return MatchTable(pooled.scores, pooled.is_tp, pooled.labels, pooled.cases, lesions, best, numbers)


def _speaks(case: CaseMatches) -> np.ndarray:
    """(N,) bool: counts, or is a further hit of an object that counts, which tells as much of the case as the first one."""
    further = np.zeros(len(case.scores), bool)
    hits = np.flatnonzero((case.outcomes == Outcome.SET_ASIDE) & (case.objects != UNMATCHED))
    further[hits] = ~case.object_ignored[case.objects[hits]]
    return further | (case.outcomes != Outcome.SET_ASIDE)
