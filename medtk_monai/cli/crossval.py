"""``medtk crossval``: trainings of all folds, their out-of-fold findings, and their ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medtk_monai.crossval import CrossValidation
    from medtk_monai.metrics import Goal
    from medtk_monai.prediction import Scan
    from medtk_monai.tuning import Setting

Words = str | Sequence[str]
Numbers = float | Sequence[float]


def crossval(
    datalist: str,
    out: str,
    folds: int = 5,
    bundle: str = "bundles/aneurysm",
    overlay: Words = (),
    fold: int | None = None,
    collect: bool = False,
    test: bool = False,
    checkpoint: str = "best.pt",
    figure: str = "sensitivity@1",
    hit: str = "medtk",
    suppressors: Words = ("nms", "wbc", "soft"),
    iou: Numbers = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5),
    score_threshold: Numbers = (0.02, 0.05, 0.1),
    dataset_dir: str | None = None,
    device: str | None = None,
    bootstraps: int = 1000,
    **overrides: Any,
) -> str:
    """Train each fold, choose suppression on the out-of-fold candidates of all cases, evaluate them, and tell how to use the ensemble.

    The cases of "training" and "validation" are dealt to folds by patient. Each fold is trained by a process of its own, in OUT/fold_0,
    ...; the same command goes on where it was cut off. When all folds are finished, the network of each looks at the cases it has not
    learnt: OUT gets sweep.json and tuned.json of all cases together, predictions.json and oof.json, metrics.json, froc.png, folds.json
    (figures of each fold), present/ (the same with the bundle's present setting), and ensemble.json.

    Args:
        datalist: of the cases.
        out: folder for all files.
        folds: how many.
        bundle: folder of the bundle, or its train.json.
        overlay: files that lie over train.json.
        fold: train this one alone, and collect nothing: for one job per fold.
        collect: train nothing, and collect the folds that are finished.
        test: let the ensemble predict the test split, and evaluate that in OUT/test.
        checkpoint: of each fold; best.pt, the best on the fold's own cases, or last.pt, on which they had no influence.
        figure: what shall be high, as for medtk sweep.
        hit: a preset or hit rule, as for medtk evaluate.
        suppressors: to try, as for medtk sweep.
        iou: of the suppressors.
        score_threshold: which candidates exceed before they are suppressed.
        dataset_dir: where the datalist's relative paths start.
        device: cpu, cuda or cuda:1; the GPU if there is one.
        bootstraps: draws of the intervals.
        overrides: values of the bundle's configuration, as --max_epochs 100.

    Raises:
        DataError: a wrong argument, OUT is of other settings, or a training failed.
    """
    from pathlib import Path

    from medtk_monai.cli.evaluation_arguments import read_goal
    from medtk_monai.cli.words import numbers, words
    from medtk_monai.crossval import BEST, LAST, CrossValidation, train_folds
    from medtk_monai.errors import DataError
    from medtk_monai.tuning import settings_grid

    goal = read_goal(figure, hit, bootstraps)
    if checkpoint not in (BEST, LAST):
        raise DataError(f"--checkpoint is {checkpoint}", remedy=f"give {BEST} or {LAST}, a file that each fold's training writes")
    if fold is not None and (collect or test):
        raise DataError("--fold trains one fold, and collects nothing", remedy="leave out --collect and --test, or --fold")
    plan = CrossValidation(datalist, Path(out), folds, bundle, words(overlay), dataset_dir, device, overrides)
    tried = settings_grid(words(suppressors), numbers(iou, "iou"), numbers(score_threshold, "score_threshold"), [0.0])
    chosen = range(folds) if fold is None else [fold]
    for number in chosen:
        plan.check_fold(number)
        plan.cases(number)
    if test:
        plan.test_cases()
    if collect:
        plan.finished()
    plan.claim()
    failed = [] if collect else train_folds(plan, chosen, lambda line: print(line, flush=True))
    if failed:
        remedy = "the same command goes on with it, --collect makes do with the others"
        raise DataError(f"fold {', '.join(map(str, failed))} failed: see above", remedy=remedy)
    if fold is not None:
        return f"folds left: {', '.join(map(str, plan.missing)) or 'none'}"
    return _collect(plan, tried, goal, checkpoint, bootstraps, test)


def _collect(plan: CrossValidation, settings: Sequence[Setting], goal: Goal, checkpoint: str, bootstraps: int, test: bool) -> str:
    """Collects the finished folds; what is told of them."""
    from dataclasses import replace

    from medtk_monai.crossval import collect, look_out_of_fold
    from medtk_monai.crossval.ensemble import Ensemble, evaluate_test
    from medtk_monai.crossval.printed import format_collection
    from medtk_monai.evaluation.printed import format_evaluation
    from medtk_monai.prediction import ViewOptions
    from medtk_monai.tuning.bundle import Tunable, load_tunable

    lowest = min((setting.score_threshold for setting in settings), default=1.0)

    def load(fold: int) -> Tunable:
        files = [str(plan.checkpoint(fold, checkpoint))]
        return load_tunable(plan.bundle, files, plan.overlay, plan.device, ViewOptions(), lowest, plan.overrides)

    folds, missing = plan.finished(), plan.missing
    found = look_out_of_fold(plan, folds, load, _watch)
    # A single network has nothing to merge.
    result = collect(found, [replace(part, merge_iou=found.present.merge_iou) for part in settings], goal, bootstraps)
    result.write(plan.folder)
    ensemble = Ensemble(plan, folds, checkpoint)
    ensemble.write()
    lines = [format_collection(result)]
    if missing:
        lines.append(f"without fold {', '.join(map(str, missing))}: not finished")
    if test:
        lines += ["", "test split, by the ensemble:", format_evaluation(evaluate_test(ensemble, load(folds[0]), goal, bootstraps).summary)]
    return "\n".join([*lines, f"new scans: {ensemble.command}", f"files in {plan.folder}"])


def _watch(scans: Sequence[Scan], fold: int) -> Sequence[Scan]:
    from tqdm import tqdm

    return tqdm(scans, desc=f"looking, fold {fold}", unit="scan", disable=None)
