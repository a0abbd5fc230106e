"""The best of many settings on a validation, and how sure it is that it is better than the present one."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.atomic import write_text_atomically
from medtk_monai.evaluation import TruthCase
from medtk_monai.evaluation.evaluate import table_of
from medtk_monai.evaluation.matching import join_cases, match_all
from medtk_monai.evaluation.printed import csv_text
from medtk_monai.metrics.figures import figures_of
from medtk_monai.metrics.goal import Goal
from medtk_monai.metrics.match_table import MatchTable
from medtk_monai.metrics.resampling import Comparison, bootstrap_weights, compare, plain
from medtk_monai.metrics.thresholds import OperatingPoint, fp_name, operating_point, threshold_for_fp
from medtk_monai.tuning.candidates import Candidates
from medtk_monai.tuning.settings import Setting

SWEEP, TUNED = "sweep.json", "tuned.json"


@dataclass(frozen=True)
class Trial:
    """A setting and what it is worth.

    Args:
        value: the goal's figure; NaN where it is undefined.
        froc_mean: mean sensitivity of the FROC curve, which decides between equal values.
    """

    setting: Setting
    value: float
    froc_mean: float


@dataclass(frozen=True)
class Sweep:
    """A sweep, ready to be written.

    Args:
        goal: what was to be high.
        trials: of all settings, the present one first.
        best: the trial that was chosen.
        gain: the best setting against the present one, a paired comparison on the cases that it was chosen on.
        point: what the best setting means at the goal's false positives per case, see ``operating_point``.
        origin: of the cases, and what was drawn.
    """

    goal: Goal
    trials: Sequence[Trial]
    best: Trial
    gain: Comparison
    point: OperatingPoint
    origin: dict[str, Any]

    @property
    def is_worth_something(self) -> bool:
        """Whether the best setting finds anything: where all are worth 0, or nothing that is defined, none was chosen for a reason."""
        return self.best.value > 0

    @property
    def summary(self) -> dict[str, Any]:
        """All of it in plain values; ``operating_points`` are read as thresholds by the evaluation of a test."""
        gain = self.gain.difference
        return {
            "goal": self.goal.name,
            "hit": self.goal.rules.hit_name,
            "rules": self.goal.rules.to_dict(),
            **self.origin,
            "present": _told(self.trials[0]),
            "best": _told(self.best),
            **gain.to_dict("gain"),
            "p_value": plain(self.gain.p_value),
            "operating_points": {fp_name(self.goal.fp_per_case): self.point.to_dict()},
            "trials": [_told(trial) for trial in self.trials],
        }

    def write(self, folder: str | os.PathLike) -> None:
        """Write sweep.json, sweep.csv with a row for each setting, and tuned.json, the best one as values of a bundle."""
        folder = Path(folder)
        write_text_atomically(folder / SWEEP, json.dumps(self.summary, indent=2) + "\n")
        rows = ([str(trial.setting), f"{trial.value:.6g}", f"{trial.froc_mean:.6g}"] for trial in self.trials)
        write_text_atomically(folder / "sweep.csv", csv_text(("setting", self.goal.name, "froc_mean"), rows))
        write_text_atomically(folder / TUNED, json.dumps(self.best.setting.values, indent=2) + "\n")


def sweep(
    candidates: Sequence[Candidates],
    truths: Sequence[TruthCase],
    settings: Sequence[Setting],
    goal: Goal,
    max_detections: int,
    num_draws: int = 1000,
    seed: int = 0,
) -> Sweep:
    """Try settings on candidates, and choose the best; of equally good ones the present one.

    What is chosen looks better on the cases that it was chosen on than on others: its figures are no evaluation.

    Args:
        candidates: of each case of the truth.
        settings: the present one first.
        max_detections: of a case, for all settings.
        num_draws, seed: of the bootstrap and the permutation test that compare the best with the present setting.

    Raises:
        DataError: candidates and truth do not fit together.
    """
    num_classes = _num_classes(candidates, truths)

    def table(setting: Setting) -> MatchTable:
        found = [part.case(setting, max_detections) for part in candidates]
        joined = join_cases(found, truths, "the candidates")
        return table_of(joined, match_all(joined, goal.rules), num_classes)

    trials = [_trial(setting, table(setting), goal) for setting in settings]
    best = max(trials, key=_rank)  # the first of equal ones
    chosen = table(best.setting)
    weights = bootstrap_weights(chosen, num_draws, seed)
    point = operating_point(chosen, threshold_for_fp(chosen, goal.fp_per_case), goal.rules.beta, weights)
    gain = compare(table(settings[0]), chosen, goal.figure, num_draws, seed)
    origin = {"num_cases": chosen.num_cases, "num_lesions": int(chosen.lesions.sum()), "bootstrap": {"draws": num_draws, "seed": seed}}
    return Sweep(goal, trials, best, gain, point, origin)


def _trial(setting: Setting, table: MatchTable, goal: Goal) -> Trial:
    return Trial(setting, goal.value(table), figures_of(goal.rules)["froc_mean"].value(table, goal.rules))


def _rank(trial: Trial) -> tuple[float, float]:
    """Undefined values come last; figures that differ by rounding are equal."""
    value, mean = np.nan_to_num([trial.value, trial.froc_mean], nan=-1.0)
    return round(float(value), 9), round(float(mean), 9)


def _num_classes(candidates: Sequence[Candidates], truths: Sequence[TruthCase]) -> int:
    labels = [label for part in candidates for view in part.views for label in view.labels.unique().tolist()]
    return max([*labels, *(label for truth in truths for label in truth.labels.tolist())], default=0) + 1


def _told(trial: Trial) -> dict[str, Any]:
    return {"value": plain(trial.value), "froc_mean": plain(trial.froc_mean), "settings": trial.setting.values}
