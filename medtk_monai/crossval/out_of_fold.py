"""What each fold's network finds in the cases that it has not learnt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from medtk_monai.crossval.folds import CrossValidation
from medtk_monai.data.selection import Case
from medtk_monai.errors import DataError
from medtk_monai.evaluation import TruthCase
from medtk_monai.prediction import Scan, scans_of
from medtk_monai.tuning import Candidates, Setting, find_candidates
from medtk_monai.tuning.bundle import Tunable

Load = Callable[[int], Tunable]
"""The network of a fold."""
Watch = Callable[[Sequence[Scan], int], Iterable[Scan]]
"""The scans of a fold as they are, while a user sees how far they have got."""


@dataclass(frozen=True)
class OutOfFold:
    """The cases of some folds, each seen by the network that has not learnt it; all sequences are as long as there are cases.

    Args:
        folds: number of each case's fold.
        cases: of the datalist.
        candidates: of each case.
        truths: objects of each case.
        present: the setting of the bundle.
        max_detections: of a case.
    """

    folds: list[int]
    cases: list[Case]
    candidates: list[Candidates]
    truths: list[TruthCase]
    present: Setting
    max_detections: int

    def findings(self, setting: Setting) -> list[dict[str, Any]]:
        """What a setting leaves of the candidates: entries of predictions.json."""
        found = [part.case(setting, self.max_detections) for part in self.candidates]
        return [part | {"image": case["image"]} for part, case in zip(found, self.cases)]


def look_out_of_fold(validation: CrossValidation, folds: Sequence[int], load: Load, watch: Watch | None = None) -> OutOfFold:
    """Let the network of each fold look at the cases that its training left out.

    Args:
        folds: whose trainings are finished; at least one.
        load: the network of a fold.

    Raises:
        DataError: a network is of another fold, or a case cannot be read.
    """
    parts = [_look(validation, fold, load(fold), watch) for fold in folds]
    return OutOfFold(
        [fold for part in parts for fold in part.folds],
        [case for part in parts for case in part.cases],
        [found for part in parts for found in part.candidates],
        [truth for part in parts for truth in part.truths],
        parts[0].present,
        parts[0].max_detections,
    )


def _look(validation: CrossValidation, fold: int, tunable: Tunable, watch: Watch | None) -> OutOfFold:
    _check_fold(validation, fold, tunable)
    cases = validation.cases(fold)
    scans = scans_of(cases)
    found = list(find_candidates(tunable.predictor, watch(scans, fold) if watch else scans))
    return OutOfFold([fold] * len(cases), cases, found, tunable.truth(cases), tunable.present, tunable.max_detections)


def _check_fold(validation: CrossValidation, fold: int, tunable: Tunable) -> None:
    """Refuse a network that may have learnt the cases it is to be judged by."""
    wanted, told = (validation.num_folds, fold), (tunable.trained.get("folds"), tunable.trained.get("fold"))
    if told != wanted:
        what = f"the network in {validation.fold_folder(fold)} was trained with --folds {told[0]} --fold {told[1]}"
        raise DataError(what, remedy=f"remove that folder, and train fold {fold} of {validation.num_folds} again")
