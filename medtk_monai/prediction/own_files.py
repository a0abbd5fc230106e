"""Which files predictions and evaluations have written, and are thus no scans to look at."""

from __future__ import annotations

from pathlib import Path

from medtk_monai.formats.predictions import FORMAT, OPERATING_POINTS, PREDICTIONS
from medtk_monai.prediction.output_formats import output_formats

SETTINGS = "settings.json"
_OF_EVALUATIONS = ("metrics.json", "froc.csv", "froc.png", "mosaic.png", "matches.csv", "match_table.json")
_BEGINNING = 200
"""Bytes of a predictions.json, among which its format is named."""


def is_own_file(path: Path) -> bool:
    """Whether a file was written by a prediction or an evaluation: by its name, in a folder that is known by its predictions.json."""
    return path.name in own_names() and is_own_folder(path.parent)


def own_names() -> frozenset[str]:
    """The names of files, in small letters, that predictions and evaluations write."""
    names = {name for entry in output_formats().values() for name in entry.file_names()}
    return frozenset(names.union({SETTINGS, OPERATING_POINTS}, _OF_EVALUATIONS))


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
