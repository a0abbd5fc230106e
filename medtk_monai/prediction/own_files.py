"""Which files predictions and evaluations have written, and are thus no scans to look at."""

from __future__ import annotations

from pathlib import Path

from medtk_monai.formats.predictions import FORMAT

OWN_FILES = frozenset(
    {
        *("settings.json", "predictions.json", "predictions.csv", "points.json", "preview.png"),
        *("findings.nii.gz", "findings.json", "findings.mrk.json", "findings.dcm"),
        *("metrics.json", "froc.csv", "froc.png", "mosaic.png"),
    }
)
"""Their names, in a folder that is known by its predictions.json."""
_BEGINNING = 200
"""Bytes of a predictions.json, among which its format is named."""


def is_own_file(path: Path) -> bool:
    """Whether a file was written by a prediction or an evaluation."""
    return path.name in OWN_FILES and is_own_folder(path.parent)


def is_own_folder(folder: Path) -> bool:
    """Whether predictions lie in a folder, of one case or of many; a run that was cut off has left those of single cases alone."""
    if _is_predictions(folder / "predictions.json"):
        return True
    return (folder / "settings.json").is_file() and any(_is_predictions(path) for path in folder.glob("*/predictions.json"))


def _is_predictions(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return f'"format": "{FORMAT}"'.encode() in file.read(_BEGINNING)
