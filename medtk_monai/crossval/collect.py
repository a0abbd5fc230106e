"""One setting for all folds, and what the out-of-fold findings are worth with it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medtk_monai.atomic import write_text_atomically
from medtk_monai.crossval.fold_figures import fold_figures
from medtk_monai.crossval.out_of_fold import OutOfFold
from medtk_monai.evaluation import Evaluation, evaluate_files
from medtk_monai.evaluation.evaluate import Wanted
from medtk_monai.formats import write_predictions
from medtk_monai.metrics import Goal
from medtk_monai.metrics.figures import figures_of
from medtk_monai.prediction.outputs import PREDICTIONS
from medtk_monai.tuning import Setting, Sweep, sweep

OOF, FOLDS, PRESENT = "oof", "folds.json", "present"


@dataclass(frozen=True)
class Collection:
    """The out-of-fold findings of a cross-validation, ready to be written.

    Args:
        found: what the networks found.
        sweep: over the cases of all folds.
        chosen: evaluation of the best setting, on the cases that it was chosen on.
        present: evaluation of the bundle's present setting, for which these cases played no part.
        folds: figures of each fold, of "chosen" and "present", see ``fold_figures``.
    """

    found: OutOfFold
    sweep: Sweep
    chosen: Evaluation
    present: Evaluation
    folds: Mapping[str, Any]

    def write(self, folder: str | os.PathLike) -> None:
        """Write the sweep's files, predictions.json and its evaluation, folds.json, oof.json (a datalist of the split "oof" whose cases
        tell their ``fold``), and the same of the present setting below present/."""
        folder = Path(folder)
        self.sweep.write(folder)
        for evaluation, setting, place in (
            (self.chosen, self.sweep.best.setting, folder),
            (self.present, self.found.present, folder / PRESENT),
        ):
            write_predictions(place / PREDICTIONS, self.found.findings(setting))
            evaluation.write(place)
        cases = [{**case, "fold": fold} for case, fold in zip(self.found.cases, self.found.folds)]
        write_text_atomically(folder / f"{OOF}.json", json.dumps({OOF: cases}, indent=1) + "\n")
        write_text_atomically(folder / FOLDS, json.dumps(self.folds, indent=2) + "\n")


def collect(found: OutOfFold, settings: Sequence[Setting], goal: Goal, num_draws: int = 1000) -> Collection:
    """Choose the best of some settings on the out-of-fold candidates of all cases together, and evaluate it and the present one.

    Args:
        settings: to try beside the present one.
        num_draws: of the bootstraps.

    Raises:
        DataError: candidates and objects do not fit together.
    """
    tried = list(dict.fromkeys([found.present, *settings]))
    best = sweep(found.candidates, found.truths, tried, goal, found.max_detections, num_draws)
    best = replace(best, origin=best.origin | {"out_of_fold": sorted(set(found.folds))})
    chosen, present = (_evaluate(found, setting, goal, num_draws) for setting in (best.best.setting, found.present))
    told = {key: figure.by(goal.rules) for key, figure in figures_of(goal.rules).items()} | {goal.name: goal.figure}
    parts = {name: fold_figures(part.table, found.folds, told) for name, part in (("chosen", chosen), ("present", present))}
    return Collection(found, best, chosen, present, {"goal": goal.name, "hit": goal.rules.hit_name, "rules": goal.rules.to_dict(), **parts})


def _evaluate(found: OutOfFold, setting: Setting, goal: Goal, num_draws: int) -> Evaluation:
    wanted = Wanted([goal.fp_per_case])
    return evaluate_files(found.findings(setting), found.truths, goal.rules, wanted, "the out-of-fold findings", num_draws=num_draws)
