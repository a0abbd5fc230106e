"""The formats that findings are converted between, by name. What there is to know of each stands in its module."""

from __future__ import annotations

from collections.abc import Mapping

from medtk_monai.errors import DataError
from medtk_monai.formats.adam import ADAM
from medtk_monai.formats.coco import COCO
from medtk_monai.formats.file_format import Format
from medtk_monai.formats.grand_challenge import POINTS
from medtk_monai.formats.label_map import LABEL
from medtk_monai.formats.luna_csv import LUNA
from medtk_monai.formats.nndetection import NNDETECTION
from medtk_monai.formats.predictions import MEDTK
from medtk_monai.formats.slicer_markups import SLICER

FORMATS = {entry.name: entry for entry in (MEDTK, LUNA, COCO, NNDETECTION, SLICER, LABEL, POINTS, ADAM)}


def by_words(formats: Mapping[str, Format]) -> dict[str, Format]:
    """Formats by their names and by their aliases."""
    return {word: entry for entry in formats.values() for word in (entry.name, *entry.aliases)}


def format_named(name: str) -> Format:
    """The format of a name or alias.

    Raises:
        DataError: there is none.
    """
    found = by_words(FORMATS).get(name)
    if found is None:
        raise DataError(f"there is no format {name!r}", remedy=f"the formats are {', '.join(FORMATS)}")
    return found
