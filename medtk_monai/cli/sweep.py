"""``medtk sweep``: how candidates become detections, chosen on a validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Words = str | Sequence[str]
Numbers = float | Sequence[float]


def sweep(
    datalist: str,
    out: str,
    checkpoint: Words = (),
    bundle: str = "bundles/aneurysm",
    overlay: Words = (),
    split: str = "validation",
    figure: str = "sensitivity@1",
    hit: str = "medtk",
    suppressors: Words = ("nms", "wbc", "soft"),
    iou: Numbers = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5),
    score_threshold: Numbers = (0.02, 0.05, 0.1),
    merge_iou: Numbers = (0.1, 0.2, 0.3, 0.4),
    tta: int | bool = 1,
    tta_scales: float | Sequence[float] = 1.0,
    dataset_dir: str | None = None,
    device: str | None = None,
    bootstraps: int = 1000,
    seed: int = 0,
    **overrides: Any,
) -> str:
    """Choose suppression and score threshold on the validation split, by a figure; the test split is refused.

    The network looks at each scan once; its candidates then go through every combination of the values below and the bundle's present
    ones. OUT gets sweep.json, sweep.csv and tuned.json, for medtk predict --tuned, or to lay over train.json and evaluate.json.

    Args:
        datalist: with the validation split.
        out: folder for the files.
        checkpoint: as for medtk predict; several, A.pt,B.pt, make an ensemble.
        bundle: folder of the bundle, or its train.json.
        overlay: files that lay over train.json in training.
        split: to choose on.
        figure: what shall be high: sensitivity@1 (false positive per case), froc_mean, ap, ap@0.5 (IoU), case_auroc.
        hit: a preset or hit rule, as for medtk evaluate.
        suppressors: of nms, wbc (weighted box clustering), soft (soft-NMS with linear decay).
        iou: of the suppressors.
        score_threshold: which candidates exceed before they are suppressed.
        merge_iou: at which what views and networks find merges; with --tta or several checkpoints only.
        tta: mirror images to look at as well: how many of the 4 (in 2D) or 8, or nothing for all.
        tta_scales: scales of the views, as 1,1.2.
        dataset_dir: where the datalist's relative paths start.
        device: cpu, cuda or cuda:1; the GPU if there is one.
        bootstraps: draws of the interval and of the test of the gain.
        seed: of the bootstraps.
        overrides: values of the bundle's configuration, as --window_size 160.

    Raises:
        DataError: a wrong bundle, checkpoint or argument, or a split that settings must not be chosen on.
    """
    from tqdm import tqdm

    from medtk_monai.cli.evaluation_arguments import read_goal
    from medtk_monai.cli.views import read_views
    from medtk_monai.cli.words import numbers, words
    from medtk_monai.prediction import scans_of
    from medtk_monai.tuning import find_candidates, settings_grid
    from medtk_monai.tuning.bundle import load_tunable
    from medtk_monai.tuning.printed import format_sweep
    from medtk_monai.tuning.sweep import sweep as run_sweep
    from medtk_monai.tuning.validation import validation_cases

    chosen = read_goal(figure, hit, bootstraps)
    options = read_views(tta, tta_scales)
    ious, lows, merges = numbers(iou, "iou"), numbers(score_threshold, "score_threshold"), numbers(merge_iou, "merge_iou")
    tunable = load_tunable(bundle, words(checkpoint), words(overlay), device, options, min(lows, default=1.0), overrides)
    if not tunable.merges:
        merges = [tunable.present.merge_iou]
    settings = list(dict.fromkeys([tunable.present, *settings_grid(words(suppressors), ious, lows, merges)]))
    cases = validation_cases(datalist, split, dataset_dir, tunable.trained)
    truths = tunable.truth(cases)
    with tqdm(scans_of(cases), desc="looking", unit="scan", disable=None) as scans:
        found = list(find_candidates(tunable.predictor, scans))
    result = run_sweep(found, truths, settings, chosen, tunable.max_detections, bootstraps, seed)
    result.write(out)
    return f"{format_sweep(result)}\nfiles in {out}"
