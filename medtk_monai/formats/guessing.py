"""Which format a file has, or shall have."""

from __future__ import annotations

from pathlib import Path

from medtk_monai.errors import DataError
from medtk_monai.formats.format_table import FORMATS, Format
from medtk_monai.formats.grand_challenge import TYPE
from medtk_monai.formats.json_files import read_json
from medtk_monai.formats.predictions import FORMAT

_BY_SUFFIX = {
    ".csv": "luna",
    ".txt": "adam",
    ".nii": "label",
    ".nii.gz": "label",
    ".pkl": "nndetection",
    "_boxes.json": "nndetection",
    ".mrk.json": "slicer",
}
_REMEDY = "name the format of the source, one of " + ", ".join(FORMATS)


def guess_format(path: Path) -> Format | None:
    """The format of an existing file, by its suffix, or by its content if it is JSON; None for others."""
    if path.suffix == ".json":
        name = _guess_json(read_json(path))
    else:
        name = _by_suffix(path)
    return FORMATS[name] if name else None


def _by_suffix(path: Path) -> str | None:
    return next((name for suffix, name in _BY_SUFFIX.items() if path.name.endswith(suffix)), None)


def _guess_json(document: object) -> str | None:
    if isinstance(document, list):
        return "coco" if document and isinstance(document[0], dict) and "bbox" in document[0] else None
    if not isinstance(document, dict):
        return None
    signs = {
        "medtk": document.get("format") == FORMAT,
        "coco": "images" in document and "annotations" in document,
        "nndetection": "pred_boxes" in document,
        "slicer": "markups" in document,
        "points": document.get("type") == TYPE,
    }
    return next((name for name, present in signs.items() if present), None)


def guess_target(path: Path) -> Format:
    """The format to write to a path, by its name.

    Raises:
        DataError: the name leaves it open.
    """
    name = "medtk" if path.name == "predictions.json" else _by_suffix(path)
    if name is None:
        raise DataError(f"the format of {path} is open", remedy="name the format of the target, one of " + ", ".join(FORMATS))
    return FORMATS[name]


def source_files(source: Path, kind: Format | None) -> tuple[Format, list[Path]]:
    """The format and the files of a source, which is a file or a folder; hidden files of a folder do not count.

    Args:
        kind: the format; None to find it.

    Raises:
        DataError: there is no such file, or its format is not known, or a folder has files of no format or of several.
    """
    if not source.exists():
        raise DataError(f"no file {source}", remedy="give the path of an existing file or folder")
    files = sorted(path for path in source.iterdir() if path.is_file() and path.name[0] != ".") if source.is_dir() else [source]
    if kind is not None and not source.is_dir():
        return kind, files
    formats = {path: guess_format(path) for path in files}
    names = sorted({entry.name for entry in formats.values() if entry is not None and kind in (None, entry)})
    if len(names) != 1:
        found = f"has files of several formats: {', '.join(names)}" if names else "is of no known format"
        raise DataError(f"{source} {found}", remedy=_REMEDY)
    chosen = FORMATS[names[0]]
    return chosen, [path for path, entry in formats.items() if entry is chosen]
