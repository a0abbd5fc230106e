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

    rules, (wanted, _) = counting.rules(), points.read(predictions)
    found, truths = findings.read(predictions), objects.read_truth(truth)
    result = evaluate_files(found, truths, rules, wanted, predictions, findings.allow_missing, counting.bootstraps, counting.seed)
    if out is not None:
        result.write(out)
    return format_evaluation(result.summary) + (f"\nfiles in {out}" if out is not None else "")


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
        first: findings of one detector, as for medtk evaluate; or the folder, or metrics.json, of their evaluation by its --out.
        second: the same of the other.
        truth: datalist with the objects; not needed for two evaluations, which are refused if they count by different rules or are of
            different cases or objects.
        out: JSON file for the result.

    Raises:
        DataError: predictions and truth, or two evaluations, do not fit together, or an argument is wrong.
    """
    counting.check_draws()
    if truth is None:
        _refuse_counting(findings, objects, counting)
    from medtk_monai.evaluation.compare import compare_evaluations, compare_files
    from medtk_monai.evaluation.printed import format_comparison
    from medtk_monai.json_files import write_json

    if truth is None:
        result = compare_evaluations(first, second, counting.bootstraps, counting.seed)
    else:
        rules, truths = counting.rules(), objects.read_truth(truth)
        one, other = findings.read(first), findings.read(second)
        result = compare_files(one, other, truths, rules, (first, second), findings.allow_missing, counting.bootstraps, counting.seed)
    if out is not None:
        write_json(out, result)
    return format_comparison(result)


def _refuse_counting(findings: FoundCases, objects: Objects, counting: Drawing) -> None:
    """Refuse options that say how to count where two evaluations have counted."""
    from medtk_monai.errors import DataError

    if (findings, objects, counting.hit) != (FoundCases(), Objects(), Drawing().hit):
        remedy = "give the truth as a third argument, or leave these options out"
        raise DataError("two evaluations are compared as they were counted, and options like --hit change nothing", remedy=remedy)
