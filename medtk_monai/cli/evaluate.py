"""``medtk evaluate`` and ``medtk compare``: figures of findings, with intervals."""

from __future__ import annotations

from medtk_monai.cli.options.declare import flat
from medtk_monai.cli.options.evaluation import Drawing, Findings, FoundCases, Objects, Points
from medtk_monai.cli.options.kinds import File, Target


@flat
def evaluate(
    predictions: Findings,
    truth: File,
    *,
    out: Target | None = None,
    findings: FoundCases,
    objects: Objects,
    counting: Drawing,
    points: Points,
) -> str:
    """FROC, AP, case-level AUROC and operating points of findings, with 95% bootstrap intervals over patients.

    Boxes are compared in mm along the axes of each scan. Prints a table; OUT gets metrics.json, froc.csv, froc.png and matches.csv.

    Args:
        predictions: predictions.json, or a file or folder of another format that medtk convert reads.
        truth: datalist with the objects; its "patient_id" tells which cases are of one patient.
        out: folder for the files.

    Raises:
        DataError: predictions and truth do not fit together, or an argument is wrong.
    """
    from medtk_monai.evaluation import evaluate_files
    from medtk_monai.evaluation.printed import format_evaluation

    rules, (wanted, _) = counting.rules(), points.read()
    found, truths = findings.read(predictions), objects.read_truth(truth)
    result = evaluate_files(found, truths, rules, wanted, predictions, findings.allow_missing, counting.bootstraps, counting.seed)
    if out is not None:
        result.write(out)
    return format_evaluation(result.metrics) + (f"\nfiles in {out}" if out is not None else "")


@flat
def compare(
    first: Findings,
    second: Findings,
    truth: File | None = None,
    *,
    out: Target | None = None,
    findings: FoundCases,
    objects: Objects,
    counting: Drawing,
) -> str:
    """Compare two detectors on the same cases: difference (second minus first), 95% interval, and p-value of a permutation test.

    Args:
        first: findings of one detector, as for medtk evaluate.
        second: findings of the other.
        truth: datalist with the objects.
        out: JSON file for the result.

    Raises:
        DataError: predictions and truth do not fit together, or an argument is wrong.
    """
    from medtk_monai.errors import DataError

    if truth is None:
        raise DataError("no truth is given", remedy="name the datalist with the objects: medtk compare FIRST SECOND TRUTH")
    counting.check_draws()
    from medtk_monai.evaluation import compare_files
    from medtk_monai.evaluation.printed import format_comparison
    from medtk_monai.formats.json_files import write_json

    rules, truths = counting.rules(), objects.read_truth(truth)
    one, other = findings.read(first), findings.read(second)
    result = compare_files(one, other, truths, rules, (first, second), findings.allow_missing, counting.bootstraps, counting.seed)
    if out is not None:
        write_json(out, result)
    return format_comparison(result)
