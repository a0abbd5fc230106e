"""``medtk crossval``: trainings of all folds, their out-of-fold findings, and their ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from medtk_monai.cli.options.data import Datalist
from medtk_monai.cli.options.declare import flat
from medtk_monai.cli.options.evaluation import Counting
from medtk_monai.cli.options.kinds import File, Target, words
from medtk_monai.cli.options.model import Configuration
from medtk_monai.cli.options.tuning import Choice, Folds

if TYPE_CHECKING:
    from medtk_monai.crossval.validate import Collected
    from medtk_monai.prediction import Scan


@flat
def crossval(
    datalist: File,
    out: Target,
    folds: Folds,
    configuration: Configuration,
    choice: Choice,
    data: Datalist,
    counting: Counting,
    **overrides: Any,
) -> str:
    """Train each fold, choose suppression on the out-of-fold candidates of all cases, evaluate them, and tell how to use the ensemble.

    The cases of "training" and "validation" are dealt to folds by patient. Each fold is trained by a process of its own, in OUT/fold_0,
    ...; the same command goes on where it was cut off. When all folds are finished, the network of each looks at the cases it has not
    learnt: OUT gets sweep.json and tuned.json of all cases together, predictions.json and oof.json, metrics.json, froc.png, folds.json
    (figures of each fold), present/ (the same with the bundle's present setting), model/, the networks of all folds as one model, which
    medtk predict takes as OUT, and ensemble.json.

    Args:
        datalist: of the cases.
        out: folder for all files.
        overrides: values of the bundle's configuration, as --max_epochs 100.

    Raises:
        DataError: a wrong argument, OUT is of other settings, or a training failed.
    """
    bundle = configuration.bundle_or_model()
    counting.check_draws()
    from pathlib import Path

    from medtk_monai.crossval import CrossValidation
    from medtk_monai.crossval.recall import recall_configuration
    from medtk_monai.crossval.validate import claim, collect_folds, train_all

    goal, tried = counting.goal(choice.figure), choice.tried()
    if configuration.model:
        bundle = recall_configuration(bundle, out)
    validation = CrossValidation(
        datalist, Path(out), folds.folds, bundle, words(configuration.overlay), data.dataset_dir, configuration.device, overrides
    )
    if folds.collect:
        validation.finished()
        claim(validation, range(folds.folds), folds.predict_test)
    else:
        train_all(validation, None if folds.fold is None else [folds.fold], folds.predict_test, lambda line: print(line, flush=True))
    if folds.fold is not None:
        return f"folds left: {', '.join(map(str, validation.missing)) or 'none'}"
    found = collect_folds(validation, goal, tried, folds.fold_checkpoint, counting.bootstraps, folds.predict_test, _watch)
    return _told(found)


def _told(found: Collected) -> str:
    """What is told of the finished folds."""
    from medtk_monai.crossval.printed import format_collection
    from medtk_monai.evaluation.printed import format_evaluation

    validation = found.ensemble.validation
    missing = [fold for fold in range(validation.num_folds) if fold not in found.ensemble.folds]
    lines = [format_collection(found.collection)]
    if missing:
        lines.append(f"without fold {', '.join(map(str, missing))}: not finished")
    if found.test:
        lines += ["", "test split, by the ensemble:", format_evaluation(found.test.summary)]
    return "\n".join([*lines, f"new scans: {found.ensemble.command}", f"files in {validation.folder}"])


def _watch(scans: Sequence[Scan], fold: int) -> Sequence[Scan]:
    from tqdm import tqdm

    return tqdm(scans, desc=f"looking, fold {fold}", unit="scan", disable=None)
