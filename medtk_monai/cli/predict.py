"""``medtk predict``: from scans to findings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

Words = str | Sequence[str]


def predict(
    *inputs: str,
    bundle: str = "bundles/aneurysm",
    checkpoint: Words = (),
    out: str = "predictions",
    overlay: Words = (),
    tuned: str | None = None,
    format: Words | None = None,  # noqa: A002
    score_threshold: float = 0.0,
    top_k: int | None = None,
    device: str | None = None,
    tta: int | bool = 1,
    tta_scales: float | Sequence[float] = 1.0,
    budget: float | None = None,
    split: str | None = None,
    class_names: Words = (),
    **overrides: Any,
) -> None:
    """Find objects in scans, and write what is found into a folder for each scan.

    A folder OUT/CASE has predictions.json (as evaluation reads it), predictions.csv (LUNA16's columns, LPS mm), findings.mrk.json (3D
    Slicer), findings.nii.gz (label map on the scan's grid), points.json (grand-challenge "Multiple points"), preview.png, and findings.dcm
    (DICOM SR) on demand. OUT/predictions.json has all scans. What is done is not done again. Exits with 1 if a scan failed.

    Args:
        inputs: image files, DICOM folders or .zip archives of a series, folders of such, patterns in quotes, or datalists (.json).
        bundle: folder of the bundle, or its train.json.
        checkpoint: of the training, e.g. runs/aneurysm/best.pt, or the folder of an export; several, A.pt,B.pt, make an ensemble.
        out: folder to write to.
        overlay: files that lay over train.json in training, such as bundles/aneurysm/heads/combined.json.
        tuned: tuned.json of medtk sweep, whose values lie over those of the training.
        format: of medtk,luna,slicer,label,points,preview,sr; all but sr unless given.
        score_threshold: findings that score less are left out.
        top_k: no more findings of a scan than these, the best.
        device: cpu, cuda or cuda:1; the GPU if there is one.
        tta: mirror images to look at as well: how many of the 4 (in 2D) or 8, or nothing for all.
        tta_scales: scales of the views, as 1,1.2.
        budget: seconds that a scan may take; chooses mirror images, margin and batch.
        split: of datalists; test unless given.
        class_names: of the labels, as aneurysm,infundibulum.
        overrides: values of the bundle's configuration, as --window_size 160.

    Raises:
        DataError: nothing to predict, a wrong bundle or checkpoint, or OUT is of other settings.
    """
    from medtk_monai.bundle.parts import configuration_sha256
    from medtk_monai.cli.views import read_views
    from medtk_monai.cli.words import words
    from medtk_monai.errors import DataError
    from medtk_monai.model import ModelSource
    from medtk_monai.prediction import Predictor, find_scans
    from medtk_monai.prediction.outputs import chosen_formats
    from medtk_monai.prediction.run import predict_scans, timing_table
    from medtk_monai.tuning.settings import read_tuned

    if not inputs:
        raise DataError(
            "nothing to predict", remedy="name image files, folders or datalists: medtk predict scan.nii.gz --checkpoint best.pt"
        )
    options = read_views(tta, tta_scales, budget)
    try:
        score_threshold, top_k = float(score_threshold), None if top_k is None else int(top_k)
    except (TypeError, ValueError) as error:
        raise DataError(str(error), remedy="give a number to --score_threshold, a whole one to --top_k") from error
    if top_k is not None and top_k < 0:
        raise DataError(f"--top_k is {top_k}", remedy="give the number of findings to keep, from 0")
    scans, formats = find_scans(inputs, split), chosen_formats(None if format is None else words(format))
    files, overlays = words(checkpoint), words(overlay)
    if not files:
        taken = "".join(f"; --{name} was taken for a value of the bundle" for name in overrides)
        raise DataError("no checkpoint is given", remedy=f"name that of a training: --checkpoint runs/aneurysm/best.pt{taken}")
    overrides = (read_tuned(tuned) if tuned else {}) | overrides
    settings = {
        "bundle": bundle,
        "overlay": overlays,
        "configuration": configuration_sha256(bundle, overlays),
        "checkpoints": [_digest(path) for path in files],
        "score_threshold": score_threshold,
        "top_k": top_k,
        "views": [options.mirrors, options.scales, options.budget],
        "overrides": overrides,
        "formats": formats,
        "class_names": words(class_names),
    }

    def make() -> Predictor:
        source = ModelSource((), bundle, files, overlays, device, overrides=overrides)
        return Predictor(source.load(), options, score_threshold, top_k)

    progress = predict_scans(make, scans, out, formats, settings, words(class_names))
    print(timing_table(progress) or ("nothing was done" if progress.failed else "nothing left to do"))
    print(f"{len(progress.done)} done, {len(progress.skipped)} done before, {len(progress.failed)} failed; files in {out}")
    if progress.failed:
        sys.exit("\n".join(["failed:", *(f"  {reason}" for reason in progress.failed.values())]))


def _digest(checkpoint: str) -> str:
    """SHA-256 of a checkpoint, or of what describes an exported network."""
    from pathlib import Path

    from medtk_monai.digests import file_sha256
    from medtk_monai.errors import existing_file

    description = Path(checkpoint, "export.json")
    return file_sha256(description if description.is_file() else existing_file(checkpoint, "give the checkpoint of a training"))
