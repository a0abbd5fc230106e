"""``medtk evaluate``: figures of findings, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Words = str | Sequence[str]


def evaluate(
    predictions: str,
    truth: str,
    hit: str = "medtk",
    out: str | None = None,
    split: str | None = None,
    fp_per_case: float | Sequence[float] = 1.0,
    sensitivity: float | Sequence[float] = (),
    threshold: float | Sequence[float] = (),
    thresholds_from: str | None = None,
    allow_missing: bool = False,
    format: str | None = None,  # noqa: A002
    images: str | None = None,
    class_names: Words = (),
    dataset_dir: str | None = None,
    label_map_kind: str = "instance",
    min_volume_mm3: float = 0.0,
    max_volume_mm3: float | None = None,
    point_radius_mm: float | None = None,
    bootstraps: int = 1000,
    seed: int = 0,
) -> str:
    """FROC, AP, case-level AUROC and operating points of findings, with 95% bootstrap intervals over patients.

    Boxes are compared in mm along the axes of each scan. Prints a table; OUT gets metrics.json, froc.csv, froc.png and matches.csv.

    Args:
        predictions: predictions.json, or a file or folder of another format that medtk convert reads.
        truth: datalist with the objects; its "patient_id" tells which cases are of one patient.
        hit: a preset, medtk, luna16, adam, cada, nndetection or picai; or iou:0.1, center, distance:5 (mm), radius, radius:1.5, mask.
        out: folder for the files.
        split: of the datalist; test unless given.
        fp_per_case: operating points with at most so many false positives per case.
        sensitivity: operating points that find at least these shares of the lesions.
        threshold: operating points from these scores on.
        thresholds_from: metrics.json of a validation, whose thresholds are applied to these cases.
        allow_missing: cases without predictions count as cases without findings.
        format: of the predictions, where the file leaves it open.
        images: the scans, for formats that count voxels.
        class_names: of class 0, 1, ..., for formats that name classes.
        dataset_dir: where the datalist's relative paths start.
        label_map_kind: instance or class, as in training.
        min_volume_mm3: smaller objects are ignored.
        max_volume_mm3: larger objects are ignored.
        point_radius_mm: radius of the truth's points that tell none.
        bootstraps: draws of the bootstrap; 0 for no intervals.
        seed: of the bootstrap.

    Raises:
        DataError: predictions and truth do not fit together, or an argument is wrong.
    """
    from medtk_monai.cli.evaluation_arguments import read_rules, read_wanted
    from medtk_monai.cli.words import words
    from medtk_monai.evaluation.evaluate import evaluate_files
    from medtk_monai.evaluation.printed import format_evaluation
    from medtk_monai.evaluation.truth import read_truth
    from medtk_monai.formats.conversion import read_cases

    rules, (wanted, _) = read_rules(hit, bootstraps), read_wanted(fp_per_case, sensitivity, threshold, thresholds_from)
    found = read_cases(predictions, format, images, words(class_names) or None)
    truths = read_truth(truth, split, dataset_dir, None, label_map_kind, min_volume_mm3, max_volume_mm3, point_radius_mm)
    result = evaluate_files(found, truths, rules, wanted, predictions, allow_missing, bootstraps, seed)
    if out is not None:
        result.write(out)
    return format_evaluation(result.summary) + (f"\nfiles in {out}" if out is not None else "")


def compare(
    first: str,
    second: str,
    truth: str | None = None,
    hit: str = "medtk",
    out: str | None = None,
    split: str | None = None,
    allow_missing: bool = False,
    format: str | None = None,  # noqa: A002
    images: str | None = None,
    class_names: Words = (),
    dataset_dir: str | None = None,
    label_map_kind: str = "instance",
    min_volume_mm3: float = 0.0,
    max_volume_mm3: float | None = None,
    point_radius_mm: float | None = None,
    bootstraps: int = 1000,
    seed: int = 0,
) -> str:
    """Compare two detectors on the same cases: difference (second minus first), 95% interval, and p-value of a permutation test.

    Args:
        first: findings of one detector, or the folder (or metrics.json) of their evaluation by medtk evaluate --out; arguments not named
            here are as for medtk evaluate.
        second: the same of the other.
        truth: datalist with the objects; not needed for two evaluations, which are refused if they count by different rules or are of
            different cases or objects.
        out: JSON file for the result.

    Raises:
        DataError: predictions and truth, or two evaluations, do not fit together, or an argument is wrong.
    """
    import json
    from pathlib import Path

    from medtk_monai.atomic import write_text_atomically
    from medtk_monai.cli.evaluation_arguments import read_rules
    from medtk_monai.cli.words import words
    from medtk_monai.errors import DataError
    from medtk_monai.evaluation.compare import compare_evaluations, compare_files
    from medtk_monai.evaluation.printed import format_comparison
    from medtk_monai.evaluation.truth import read_truth
    from medtk_monai.formats.conversion import read_cases

    rules, names = read_rules(hit, bootstraps, least=1), words(class_names) or None
    objects = (split, dataset_dir, None, label_map_kind, min_volume_mm3, max_volume_mm3, point_radius_mm)
    if truth is None:
        if (hit, allow_missing, format, images, names, objects) != ("medtk", False, None, None, None, _ALL_OBJECTS):
            remedy = "give the truth as a third argument, or leave these options out"
            raise DataError("two evaluations are compared as they were counted, and options like --hit change nothing", remedy=remedy)
        result = compare_evaluations(first, second, bootstraps, seed)
    else:
        truths = read_truth(truth, *objects)
        cases: Any = [read_cases(path, format, images, names) for path in (first, second)]
        result = compare_files(cases[0], cases[1], truths, rules, (first, second), allow_missing, bootstraps, seed)
    if out is not None:
        write_text_atomically(Path(out), json.dumps(result, indent=2) + "\n")
    return format_comparison(result)


_ALL_OBJECTS = (None, None, None, "instance", 0.0, None, None)
"""What is asked of the truth unless an option says more."""
