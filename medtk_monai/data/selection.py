"""Which cases of a datalist a run takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.data.datalist import check_ids, load_datalist, split_names
from medtk_monai.errors import DataError

TRAINING, VALIDATION, TEST = "training", "validation", "test"
Case = dict[str, Any]


@dataclass(frozen=True)
class Selection:
    """A part of a datalist.

    Args:
        folds: K of a cross-validation: the cases of "training" and "validation" together are dealt to K folds, all cases of a patient
            to the same one, and "validation" becomes one of them; 0 for the splits as they are. A patient is a case's ``patient_id``,
            or else its ``case_id``.
        fold: which, in [0, folds).
        seed: of the dealing, 0 or above.
        limit: so many cases of a split at most, its first ones; 0 for all.

    Raises:
        ValueError: a number out of range.
    """

    folds: int = 0
    fold: int = 0
    seed: int = 0
    limit: int = 0

    def __post_init__(self) -> None:
        if min(self.folds, self.seed, self.limit) < 0 or self.folds == 1:
            raise ValueError(f"{self}: folds must be 0 or at least 2, seed and limit not negative")
        if not 0 <= self.fold < max(self.folds, 1):
            raise ValueError(f"{self}: fold must lie in [0, folds)")


def select_cases(
    datalist: str | Path,
    split: str,
    selection: Selection | None = None,
    dataset_dir: str | Path | None = None,
    num_classes: int | None = None,
    spatial_dims: int | None = None,
    point_radius_mm: float | None = None,
) -> list[Case]:
    """The cases of a split that a selection takes; other arguments as of ``load_datalist``.

    Raises:
        DataError: see ``load_datalist``; or there are fewer patients than folds, or two cases of the folds have one id.
    """
    chosen = selection or Selection()

    def load(name: str) -> list[Case]:
        return load_datalist(datalist, name, dataset_dir, num_classes, spatial_dims, point_radius_mm)

    if chosen.folds and split in (TRAINING, VALIDATION):
        pool = [case for name in (TRAINING, VALIDATION) if name in split_names(datalist) for case in load(name)]
        check_ids(pool, "training and validation")
        folds = deal_patients(pool, chosen.folds, chosen.seed)
        cases = [case for case, fold in zip(pool, folds) if (fold == chosen.fold) == (split == VALIDATION)]
    else:
        cases = load(split)
    return cases[: chosen.limit or None]


def share_cases(cases: Sequence[Case], rank: int, ranks: int) -> list[Case]:
    """The share of one of several processes: every ``ranks``-th case; the first case where there is none left."""
    return list(cases[rank::ranks] or cases[:1])


def deal_patients(cases: Sequence[Case], folds: int, seed: int = 0) -> list[int]:
    """The fold, in [0, folds), of each case: folds get equally many patients but for one, in an order that the seed alone decides.

    Raises:
        DataError: there are fewer patients than folds.
    """
    patients = sorted({patient_of(case) for case in cases})
    if len(patients) < folds:
        raise DataError(f"{len(patients)} patients cannot be dealt to {folds} folds", remedy="ask for fewer folds")
    order = np.random.default_rng(seed).permutation(len(patients))
    fold_of = {patients[number]: place % folds for place, number in enumerate(order)}
    return [fold_of[patient_of(case)] for case in cases]


def patient_of(case: Case) -> str:
    """Whose image it is: ``patient_id``, or where there is none, ``case_id``."""
    return str(case["patient_id"] if case.get("patient_id") not in (None, "") else case["case_id"])
