"""``medtk analyze``: where a detector fails."""

from __future__ import annotations

from typing import Any

from medtk_monai.cli.options.declare import flat
from medtk_monai.cli.options.evaluation import Drawing, Errors, Findings, FoundCases, Objects
from medtk_monai.cli.options.kinds import File, Target
from medtk_monai.cli.options.model import Detector


@flat
def analyze(
    predictions: Findings,
    truth: File,
    out: Target,
    errors: Errors,
    findings: FoundCases,
    objects: Objects,
    counting: Drawing,
    detector: Detector,
    **overrides: Any,
) -> str:
    """Sort false positives and missed lesions into kinds, and tell what mending each kind would gain, for which lesions and cases.

    Prints a summary; OUT gets analysis.json, lesions.csv and false_positives.csv. With a model, or a bundle and its checkpoint, it adds
    levels and sizes of priors, seams of windows, and how lesions are assigned in training.

    Args:
        predictions: predictions.json, or a file or folder of another format that medtk convert reads.
        truth: datalist with the objects; its "patient_id" tells which cases are of one patient.
        out: folder for the files.
        overrides: values of the configuration that the findings were made with, as --window_size 160.

    Raises:
        DataError: predictions and truth do not fit together, or an argument is wrong.
    """
    _check_overrides(detector, overrides)
    from medtk_monai.evaluation.errors.files import analyze_files
    from medtk_monai.evaluation.printed import format_analysis
    from medtk_monai.metrics import Bootstrap

    rules, questions, source = counting.rules(), errors.questions(), detector.source(overrides) if detector.is_given else None
    found, truths = findings.read(predictions), errors.select(objects.read_truth(truth))
    draws = Bootstrap(counting.bootstraps, counting.seed)
    result = analyze_files(found, truths, rules, questions, source, predictions, findings.allow_missing, draws)
    result.write(out)
    return format_analysis(result.summary) + f"\nfiles in {out}"


def _check_overrides(detector: Detector, overrides: dict[str, Any]) -> None:
    """Refuse values of a configuration that is not there: they are mistyped options."""
    if detector.is_given:
        detector.require(overrides)
    elif overrides:
        from medtk_monai.cli.mistakes import no_option

        raise no_option(next(iter(overrides)), "analyze", analyze)
