"""``medtk report``: one HTML file about findings."""

from __future__ import annotations

from medtk_monai.cli.options.declare import flat
from medtk_monai.cli.options.evaluation import Cover, Drawing, Findings, FoundCases, Objects, Points
from medtk_monai.cli.options.kinds import File, Target, words


@flat
def report(
    predictions: Findings,
    truth: File,
    out: Target = "report.html",
    *,
    cover: Cover,
    findings: FoundCases,
    objects: Objects,
    counting: Drawing,
    points: Points,
) -> str:
    """Write one HTML file with the figures, curves, misses and false positives of findings, to read anywhere, print and archive.

    Misses and sizes are told of one operating point: the first of a validation, or else of the scores given, or else of the others.

    Args:
        predictions: predictions.json, or a file or folder of another format that medtk convert reads.
        truth: datalist with the objects; its "patient_id" tells which cases are of one patient.
        out: the HTML file.

    Raises:
        DataError: predictions and truth do not fit together, or an argument is wrong.
    """
    _check_points(points)
    import sys
    from pathlib import Path

    from medtk_monai.evaluation import evaluate_files
    from medtk_monai.evaluation.report.paths import FileNames
    from medtk_monai.evaluation.report.run import read_run
    from medtk_monai.evaluation.report.sources import describe_sources
    from medtk_monai.evaluation.report.write import Origin, write_report

    names = FileNames(Path(out).parent, cover.full_paths)
    rules, (wanted, validated) = (
        counting.rules(),
        points.read(predictions, names.path(points.thresholds_from or "").removesuffix("/metrics.json")),
    )
    training = read_run(cover.model) if cover.model is not None else None
    found, truths = findings.read(predictions), objects.read_truth(truth)
    result = evaluate_files(found, truths, rules, wanted, predictions, findings.allow_missing, counting.bootstraps, counting.seed)
    files = {"Predictions": predictions, "Truth": truth, "Thresholds": points.thresholds_from}
    sources = describe_sources(files, objects.split, ["medtk", *sys.argv[1:]], names)
    main = next(iter([*validated, *(wanted.thresholds or {})]), None)
    write_report(out, result, Origin(cover.title or "Detection report", sources, training, validated, names), main)
    return f"report of {result.summary.num_cases} cases in {out}"


def _check_points(points: Points) -> None:
    """Refuse to go on without an operating point."""
    from medtk_monai.errors import DataError

    if not (words(points.fp_per_case) or words(points.sensitivity) or words(points.threshold) or points.thresholds_from):
        raise DataError("there is no operating point", remedy="give one, by --fp_per_case say: misses and sizes are told of it")
