"""A cross-validation from its trainings to its ensemble."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from medtk_monai.crossval.collect import Collection, collect
from medtk_monai.crossval.ensemble import Ensemble, evaluate_test
from medtk_monai.crossval.folds import BEST, CrossValidation
from medtk_monai.crossval.out_of_fold import Watch, look_out_of_fold
from medtk_monai.crossval.training import train_folds
from medtk_monai.errors import DataError
from medtk_monai.evaluation import Evaluation
from medtk_monai.metrics import Goal
from medtk_monai.prediction import ViewOptions
from medtk_monai.tuning import Tried
from medtk_monai.tuning.bundle import Tunable, load_tunable


@dataclass(frozen=True)
class Collected:
    """What a cross-validation has come to.

    Args:
        collection: the out-of-fold findings, and the setting that was chosen on them.
        ensemble: of the finished folds.
        test: evaluation of what the ensemble finds in the test split; None where that was not asked for.
    """

    collection: Collection
    ensemble: Ensemble
    test: Evaluation | None = None


def train_all(
    validation: CrossValidation, folds: Sequence[int] | None = None, test: bool = False, tell: Callable[[str], None] | None = None
) -> None:
    """Train folds, each by a process of its own; those that are finished are left as they are.

    What can be checked is checked before the first training.

    Args:
        folds: which; all of them unless given.
        test: the test split will be wanted.
        tell: is given a line for each beginning and end of a fold.

    Raises:
        DataError: the folder is of other settings, a split is missing, or a training failed.
    """
    chosen = range(validation.num_folds) if folds is None else folds
    claim(validation, chosen, test)
    failed = train_folds(validation, chosen, tell or (lambda line: None))
    if failed:
        remedy = "the same command goes on with it, --collect makes do with the others"
        raise DataError(f"fold {', '.join(map(str, failed))} failed: see above", remedy=remedy)


def claim(validation: CrossValidation, folds: Sequence[int], test: bool = False) -> None:
    """Check that there are cases for some folds, and note the settings in the folder of the cross-validation.

    Raises:
        DataError: the folder is of other settings, or a split is missing.
    """
    for fold in folds:
        validation.check_fold(fold)
        validation.cases(fold)
    if test:
        validation.test_cases()
    validation.claim()


def collect_folds(
    validation: CrossValidation,
    goal: Goal,
    tried: Tried | None = None,
    checkpoint: str = BEST,
    num_draws: int = 1000,
    test: bool = False,
    watch: Watch | None = None,
) -> Collected:
    """Let the network of each finished fold look at its cases, choose one setting for all, and write everything into the folder.

    Args:
        goal: what shall be high.
        tried: settings to try; a single network has nothing to merge, so that its IoUs of merging do not count.
        checkpoint: which file of each fold.
        num_draws: of intervals and tests.
        test: let the ensemble predict the test split, too.
        watch: shows how far the networks have got.

    Raises:
        DataError: no fold is finished, or something is wrong with a network or a case.
    """
    asked, folds = tried or Tried(), validation.finished()

    def load(fold: int) -> Tunable:
        return load_tunable(validation.source([fold], checkpoint), ViewOptions(), asked.lowest)

    found = look_out_of_fold(validation, folds, load, watch)
    settings = [replace(part, merge_iou=found.present.merge_iou) for part in asked.settings([0.0])]
    collection = collect(found, settings, goal, num_draws)
    collection.write(validation.folder)
    ensemble = Ensemble(validation, folds, checkpoint)
    ensemble.write()
    return Collected(collection, ensemble, evaluate_test(ensemble, load(folds[0]), goal, num_draws) if test else None)


def cross_validate(
    validation: CrossValidation,
    goal: Goal,
    tried: Tried | None = None,
    checkpoint: str = BEST,
    num_draws: int = 1000,
    test: bool = False,
    tell: Callable[[str], None] | None = None,
    watch: Watch | None = None,
) -> Collected:
    """Train all folds and collect them: see ``train_all`` and ``collect_folds``.

    Raises:
        DataError: as they do.
    """
    train_all(validation, None, test, tell)
    return collect_folds(validation, goal, tried, checkpoint, num_draws, test, watch)
