"""``medtk analyze``: where a detector fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Words = str | Sequence[str]


def analyze(
    predictions: str,
    truth: str,
    out: str,
    hit: str = "medtk",
    split: str | None = None,
    threshold: float | None = None,
    fp_per_case: float = 1.0,
    by: Words = (),
    size_edges: float | Sequence[float] = (3.0, 5.0, 7.0, 10.0),
    min_mm: float = 0.0,
    max_mm: float | None = None,
    intensity: bool = False,
    near_mm: float = 8.0,
    bundle: str = "bundles/aneurysm",
    checkpoint: Words = (),
    overlay: Words = (),
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
    **overrides: Any,
) -> str:
    """Sort false positives and missed lesions into kinds, and tell what mending each kind would gain, for which lesions and cases.

    Prints a summary; OUT gets analysis.json, lesions.csv and false_positives.csv. Arguments not named here are as for medtk evaluate.

    Args:
        predictions: predictions.json, or a file or folder of another format that medtk convert reads.
        truth: datalist with the objects.
        out: folder for the files.
        hit: a preset, medtk, luna16, adam, cada, nndetection or picai; or iou:0.1, center, distance:5 (mm), radius, radius:1.5, mask.
        threshold: errors are those of scores from this one on.
        fp_per_case: without a threshold, the lowest with at most so many false positives per case.
        by: columns of the datalist to group cases by, as site,sex.
        size_edges: between bins of the lesions' longest sides, mm.
        min_mm: lesions whose longest side is shorter are ignored.
        max_mm: lesions whose longest side is longer are ignored.
        intensity: read each image, and tell its mean in each box.
        near_mm: what lies nearer than this to a seam of windows, or to the border of the scan, is told apart.
        bundle: folder of the bundle that the findings were made with, or its train.json.
        checkpoint: as for medtk predict; adds levels and sizes of priors, seams of windows, and how lesions are assigned in training.
        overlay: files that lay over train.json in training.
        overrides: values of the bundle's configuration that the findings were made with, as --window_size 160.

    Raises:
        DataError: predictions and truth do not fit together, or an argument is wrong.
    """
    from medtk_monai.cli.detector_parts import noted_margins, read_detector_parts
    from medtk_monai.cli.evaluation_arguments import read_rules
    from medtk_monai.cli.words import words
    from medtk_monai.errors import DataError
    from medtk_monai.evaluation.errors.analysis import Questions, analyze_errors, ignore_outside
    from medtk_monai.evaluation.errors.seen_images import see_images
    from medtk_monai.evaluation.matching import join_cases
    from medtk_monai.evaluation.printed import format_analysis
    from medtk_monai.evaluation.truth import read_truth
    from medtk_monai.formats.conversion import read_cases

    files = words(checkpoint)
    if overrides and not files:
        raise DataError(f"no argument --{next(iter(overrides))}", remedy="see medtk analyze --help; values of a bundle need --checkpoint")
    rules = read_rules(hit, bootstraps)
    try:
        limits = [None if value is None else float(value) for value in (threshold, max_mm)]
        edges, (smallest, alarms, near) = [float(word) for word in words(size_edges)], map(float, (min_mm, fp_per_case, near_mm))
    except (TypeError, ValueError) as error:
        raise DataError(str(error), remedy="see medtk analyze --help") from error
    questions = Questions(limits[0], alarms, words(by), edges, intensity=bool(intensity), near_mm=near)
    found = read_cases(predictions, format, images, words(class_names) or None)
    truths = read_truth(truth, split, dataset_dir, None, label_map_kind, min_volume_mm3, max_volume_mm3, point_radius_mm)
    cases = join_cases(found, ignore_outside(truths, smallest, limits[1]), predictions, allow_missing)
    parts = read_detector_parts(bundle, files, words(overlay), overrides) if files else None
    seen = see_images(cases, parts, noted_margins(found)) if parts else None
    result = analyze_errors(cases, rules, questions, bootstraps, seed, seen)
    result.write(out)
    return format_analysis(result.summary) + f"\nfiles in {out}"
