"""``medtk predict``: from scans to findings."""

from __future__ import annotations

import sys
from typing import Annotated, Any

from medtk_monai.cli.options.data import Split
from medtk_monai.cli.options.declare import flat
from medtk_monai.cli.options.kinds import Existing, Target, words
from medtk_monai.cli.options.model import Detector, Output, TimedViews, may_be_model, refuse_unfinished, split_models

Scans = Annotated[str, Existing("file, folder or pattern", "check the path; put patterns in quotes")]


@flat
def predict(
    *inputs: Scans,
    out: Target = "predictions",
    tuned: Annotated[str, Existing(remedy="give the tuned.json of medtk sweep")] | None = None,
    which: Split,
    detector: Detector,
    output: Output,
    views: TimedViews,
    **overrides: Any,
) -> None:
    """Find objects in scans, and write what is found into a folder for each scan.

    A folder OUT/CASE has predictions.json (as evaluation reads it), predictions.csv (LUNA16's columns, LPS mm), findings.mrk.json (3D
    Slicer), findings.nii.gz (label map on the scan's grid), points.json (grand-challenge "Multiple points"), preview.png, and findings.dcm
    (DICOM SR) on demand. OUT/predictions.json has all scans. What is done is not done again. Exits with 1 if a scan
    failed, or a file could not be written; the other files of its scan are there.

    Args:
        inputs: image files, DICOM folders or .zip archives of a series, folders of such, patterns in quotes, or datalists (.json); a
            model among them counts as --model.
        out: folder to write to.
        tuned: tuned.json of medtk sweep, whose values lie over those of the training.
        overrides: values of the configuration, as --window_size 160.

    Raises:
        DataError: nothing to predict, a wrong model, or OUT is of other settings.
    """
    _check(inputs, detector, overrides)
    from medtk_monai.prediction import find_scans
    from medtk_monai.prediction.files import Kept, predict_files
    from medtk_monai.prediction.outputs import chosen_formats
    from medtk_monai.prediction.run import timing_table
    from medtk_monai.tuning.settings import read_tuned
    from medtk_monai.wording import shown

    models, paths = split_models(inputs)
    if not models:
        if not detector.is_given:
            refuse_unfinished(paths)
        detector.require(overrides)
    _refuse_nothing(paths)
    scans, formats = find_scans(paths, which.split), chosen_formats(None if output.formats is None else words(output.formats))
    kept = Kept(formats, float(output.min_score), output.max_findings, words(output.class_names))
    source = detector.source((read_tuned(tuned) if tuned else {}) | overrides, models)
    progress = predict_files(source, scans, out, kept, views.options())
    print(timing_table(progress) or ("nothing was done" if progress.failed else "nothing left to do"))
    print(f"{len(progress.done)} done, {len(progress.skipped)} done before, {len(progress.failed)} failed; files in {out}")
    unwritten = [
        f"  {shown(case)}: {name}: {shown(reason)}" for case, files in progress.unwritten.items() for name, reason in files.items()
    ]
    if unwritten:
        print("\n".join([f"{len(unwritten)} files could not be written:", *unwritten]), file=sys.stderr)
    if progress.failed:
        sys.exit("\n".join(["failed:", *(f"  {shown(reason)}" for reason in progress.failed.values())]))
    if unwritten:
        sys.exit(1)


def _check(inputs: tuple[str, ...], detector: Detector, overrides: dict[str, Any]) -> None:
    """What can be told by the arguments alone."""
    _refuse_nothing(inputs)
    if not any(may_be_model(path) for path in inputs):
        detector.require(overrides)


def _refuse_nothing(inputs: tuple[str, ...] | list[str]) -> None:
    from medtk_monai.errors import DataError

    if not inputs:
        remedy = "name image files, folders or datalists: medtk predict scan.nii.gz --model runs/lesions"
        raise DataError("nothing to predict", remedy=remedy)
