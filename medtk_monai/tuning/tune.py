"""Choosing, for a model and a datalist, how candidates become detections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtk_monai.data.selection import VALIDATION
from medtk_monai.metrics import Bootstrap
from medtk_monai.metrics.goal import Goal
from medtk_monai.model import ModelSource, find_model, write_tuning
from medtk_monai.prediction import ViewOptions, scans_of
from medtk_monai.tuning.bundle import Tunable, load_tunable
from medtk_monai.tuning.candidates import find_candidates
from medtk_monai.tuning.settings import SUPPRESSORS, Setting, settings_grid
from medtk_monai.tuning.sweep import Sweep, sweep
from medtk_monai.tuning.validation import validation_cases


@dataclass(frozen=True)
class Tried:
    """The values whose combinations are tried.

    Args:
        suppressors, ious, score_thresholds, merge_ious: see ``settings_grid``.
    """

    suppressors: Sequence[str] = SUPPRESSORS
    ious: Sequence[float] = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
    score_thresholds: Sequence[float] = (0.02, 0.05, 0.1)
    merge_ious: Sequence[float] = (0.1, 0.2, 0.3, 0.4)

    @property
    def lowest(self) -> float:
        """The lowest score threshold."""
        return min(self.score_thresholds, default=1.0)

    def settings(self, merge_ious: Sequence[float] | None = None) -> list[Setting]:
        """All combinations.

        Args:
            merge_ious: in place of the own ones.

        Raises:
            DataError: a suppressor is unknown, or a number out of range.
        """
        return settings_grid(self.suppressors, self.ious, self.score_thresholds, self.merge_ious if merge_ious is None else merge_ious)


@dataclass(frozen=True)
class Validation:
    """The cases to choose on.

    Args:
        datalist: JSON file.
        split: of the datalist.
        dataset_dir: where relative paths start; None for the datalist's folder.
    """

    datalist: str | Path
    split: str = VALIDATION
    dataset_dir: str | Path | None = None


def tune(
    source: ModelSource,
    validation: Validation,
    goal: Goal,
    tried: Tried | None = None,
    views: ViewOptions | None = None,
    draws: Bootstrap | None = None,
    watch: Callable[[Sequence[Any]], Iterable[Any]] = iter,
) -> Sweep:
    """Choose suppression and score threshold on a validation: the network looks at each scan once, settings are tried on its candidates.

    Args:
        source: the model.
        validation: the cases, which must be none of the test.
        goal: what shall be high.
        tried: settings to try besides the model's present one.
        views: how to look at a scan.
        draws: of the comparison with the present setting; 1000 unless given.
        watch: is given the scans, and gives them one by one: a bar of progress, say.

    Raises:
        DataError: a wrong model, or a split that settings must not be chosen on.
    """
    asked, drawn = tried or Tried(), draws or Bootstrap(1000)
    grid = asked.settings()  # what is wrong with the values is told before anything is loaded
    tunable = load_tunable(source, views or ViewOptions(), asked.lowest)
    settings = _with_present(tunable, grid if tunable.merges else asked.settings([tunable.present.merge_iou]))
    cases = validation_cases(validation.datalist, validation.split, validation.dataset_dir, tunable.trained)
    truths = tunable.truth(cases)
    found = list(find_candidates(tunable.predictor, watch(scans_of(cases))))
    return sweep(found, truths, settings, goal, tunable.max_detections, drawn.draws, drawn.seed)


def keep_in_model(source: ModelSource, found: Sweep, views: ViewOptions | None = None) -> str | None:
    """Note in a model what was chosen for it, so that inference and evaluation follow; the path of the model, None if there is none to note
    it in: several models, a checkpoint, or views and values that were changed for this sweep alone; nor where no setting is worth anything.

    Raises:
        DataError: the model cannot be written.
    """
    is_plain = found.is_worth_something and not source.checkpoint and not source.overrides and views in (None, ViewOptions())
    path = source.model[0] if len(source.model) == 1 and is_plain else None
    if path is None or find_model(path) is None:
        return None
    write_tuning(path, found.best.setting.values, found.summary["operating_points"])
    return str(path)


def _with_present(tunable: Tunable, settings: Sequence[Setting]) -> list[Setting]:
    """Settings, the present one first, each once."""
    return list(dict.fromkeys([tunable.present, *settings]))
