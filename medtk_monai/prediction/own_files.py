"""Which files predictions and evaluations have written, and are thus no scans to look at."""

from __future__ import annotations

from pathlib import Path

from medtk_monai.formats.predictions import FORMAT, OPERATING_POINTS, PREDICTIONS
from medtk_monai.prediction.output_formats import output_formats

SETTINGS = "settings.json"
_OF_EVALUATIONS = ("metrics.json", "froc.csv", "froc.png", "mosaic.png")
_BEGINNING = 200
"""Bytes of a predictions.json, among which its format is named."""


def is_own_file(path: Path) -> bool:
    """Whether a file was written by a prediction or an evaluation: by its name, in a folder that is known by its predictions.json."""
    names = {name for entry in output_formats().values() for name in entry.file_names()}
    return path.name in names.union({SETTINGS, OPERATING_POINTS}, _OF_EVALUATIONS) and is_own_folder(path.parent)


def is_own_folder(folder: Path) -> bool:
    """Whether predictions lie in a folder, of one case or of many; a run that was cut off has left those of single cases alone."""
    if _is_predictions(folder / PREDICTIONS):
        return True
    return (folder / SETTINGS).is_file() and any(_is_predictions(path) for path in folder.glob(f"*/{PREDICTIONS}"))


def _is_predictions(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return f'"format": "{FORMAT}"'.encode() in file.read(_BEGINNING)
