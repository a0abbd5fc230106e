"""``medtk report``: one HTML file about findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medtk_monai.evaluation.report.paths import FileNames

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
    threshold: float | Sequence[float] = (),
    thresholds_from: str | None = None,
    full_paths: bool = False,
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
        title: of the report.
        fp_per_case: operating points with at most so many false positives per case; misses and sizes are told of the first.
        sensitivity: further operating points, that find at least these shares of the lesions.
        threshold: operating points from these scores on; misses and sizes are then told of the first of these.
        thresholds_from: metrics.json of a validation, whose thresholds are applied to these cases and told beside what they gave
            there; misses and sizes are then told of the first of these.
        full_paths: name files by the paths given. Otherwise paths are relative to the report's folder or cut to their last two parts,
            without the home or the name of a user.

    Raises:
        DataError: predictions and truth do not fit together, or an argument is wrong.
    """
    from pathlib import Path

    from medtk_monai.cli.evaluation_arguments import read_rules, read_wanted
    from medtk_monai.cli.words import words
    from medtk_monai.errors import DataError
    from medtk_monai.evaluation.evaluate import evaluate_files
    from medtk_monai.evaluation.report.paths import FileNames
    from medtk_monai.evaluation.report.run import read_run
    from medtk_monai.evaluation.report.write import Origin, write_report
    from medtk_monai.evaluation.truth import read_truth
    from medtk_monai.formats.conversion import read_cases

    names = FileNames(Path(out).parent, full_paths)
    source = names.path(thresholds_from or "").removesuffix("/metrics.json")
    rules = read_rules(hit, bootstraps)
    wanted, validated = read_wanted(fp_per_case, sensitivity, threshold, thresholds_from, source)
    if not (wanted.fp_per_case or wanted.sensitivities or wanted.thresholds):
        raise DataError("there is no operating point", remedy="give one, by --fp_per_case say: misses and sizes are told of it")
    training = read_run(run) if run is not None else None
    found = read_cases(predictions, format, images, words(class_names) or None)
    truths = read_truth(truth, split, dataset_dir, None, label_map_kind, min_volume_mm3, max_volume_mm3, point_radius_mm)
    result = evaluate_files(found, truths, rules, wanted, predictions, allow_missing, bootstraps, seed)
    sources = _sources({"Predictions": predictions, "Truth": truth, "Thresholds": thresholds_from}, split, names)
    main = next(iter([*validated, *(wanted.thresholds or {})]), None)
    write_report(out, result, Origin(title or "Detection report", sources, training, validated, names), main)
    return f"report of {result.summary.num_cases} cases in {out}"


def _sources(files: Mapping[str, str | None], split: str | None, names: FileNames) -> dict[str, str]:
    """What the report comes from: files with their digests, the command, versions."""
    import platform
    import sys
    from pathlib import Path

    import numpy

    import medtk_monai
    from medtk_monai.digests import file_sha256

    def told(path: str) -> str:
        return f"{names.path(path)}, SHA-256 {file_sha256(path)}" if Path(path).is_file() else names.path(path)

    return {kind: told(path) for kind, path in files.items() if path} | {
        "Split": split or "the test split, or the only one",
        "Command": names.command(["medtk", *sys.argv[1:]]),
        "Versions": f"medtk_monai {medtk_monai.__version__}, Python {platform.python_version()}, numpy {numpy.__version__}",
    }
