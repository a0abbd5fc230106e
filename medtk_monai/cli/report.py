"""``medtk report``: one HTML file about findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Words = str | Sequence[str]


def report(
    predictions: str,
    truth: str,
    out: str = "report.html",
    run: str | None = None,
    title: str | None = None,
    hit: str = "medtk",
    split: str | None = None,
    fp_per_case: float | Sequence[float] = 1.0,
    sensitivity: float | Sequence[float] = (),
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
    """Write one HTML file with the figures, curves, misses and false positives of findings, to read anywhere, print and archive.

    Args:
        predictions: predictions.json, or a file or folder of another format that medtk convert reads.
        truth: datalist with the objects; arguments not named here are as for medtk evaluate.
        out: the HTML file.
        run: output_dir of the training, for its curves, configuration and versions.
        title: of the report; the name of the predictions unless given.
        fp_per_case: operating points with at most so many false positives per case; misses and sizes are told of the first.
        sensitivity: further operating points, that find at least these shares of the lesions.

    Raises:
        DataError: predictions and truth do not fit together, or an argument is wrong.
    """
    from pathlib import Path

    from medtk_monai.cli.evaluation_arguments import read_points, read_rules
    from medtk_monai.cli.words import words
    from medtk_monai.errors import DataError
    from medtk_monai.evaluation.evaluate import Wanted, evaluate_files
    from medtk_monai.evaluation.report import Origin, write_report
    from medtk_monai.evaluation.report_run import read_run
    from medtk_monai.evaluation.truth import read_truth
    from medtk_monai.formats.conversion import read_cases

    rules, (rates, shares) = read_rules(hit, bootstraps), read_points(fp_per_case, sensitivity)
    if not rates:
        raise DataError("--fp_per_case has no number", remedy="give one: misses and sizes are told of the first")
    training = read_run(run) if run is not None else None
    found = read_cases(predictions, format, images, words(class_names) or None)
    truths = read_truth(truth, split, dataset_dir, None, label_map_kind, min_volume_mm3, max_volume_mm3, point_radius_mm)
    result = evaluate_files(found, truths, rules, Wanted(rates, shares), predictions, allow_missing, bootstraps, seed)
    sources = _sources(predictions, truth, split)
    origin = Origin(title or f"Findings of {Path(predictions).name}", sources, training)
    write_report(out, result, rules, origin)
    return f"report of {result.metrics['num_cases']} cases in {out}"


def _sources(predictions: str, truth: str, split: str | None) -> dict[str, Any]:
    """What the report comes from: files with their digests, the command, versions."""
    import platform
    import shlex
    import sys
    from pathlib import Path

    import numpy

    import medtk_monai
    from medtk_monai.digests import file_sha256

    def told(path: str) -> str:
        return f"{path}, SHA-256 {file_sha256(path)}" if Path(path).is_file() else path

    return {
        "Predictions": told(predictions),
        "Truth": told(truth),
        "Split": split or "the test split, or the only one",
        "Command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "Versions": f"medtk_monai {medtk_monai.__version__}, Python {platform.python_version()}, numpy {numpy.__version__}",
    }
