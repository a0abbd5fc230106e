"""Which format a file has, or shall have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from medtk_monai.errors import DataError
from medtk_monai.formats.file_format import Format
from medtk_monai.formats.format_table import FORMATS
from medtk_monai.formats.predictions import MEDTK, PREDICTIONS
from medtk_monai.json_files import read_json


def guess_format(path: Path) -> Format | None:
    """The format of an existing file, by its suffix, or by its content if it is JSON or formats share the suffix; None for others."""
    claims = _by_suffix(path)
    content: Any
    if path.suffix == ".json":
        claims = [entry for entry in FORMATS.values() if any(suffix.endswith(path.suffix) for suffix in entry.suffixes)]
        content = read_json(path)
    elif len(claims) > 1:
        content = _first_line(path)
    else:
        return next(iter(claims), None)
    return next((entry for entry in claims if entry.sign is not None and entry.sign(content)), None)


def _by_suffix(path: Path) -> list[Format]:
    """The formats with the longest suffix that the name has."""
    lengths = {name: len(entry.suffix_of(path)) for name, entry in FORMATS.items()}
    return [FORMATS[name] for name, length in lengths.items() if length and length == max(lengths.values())]


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.readline()


def guess_target(path: Path) -> Format:
    """The format to write to a path, by its name.

    Raises:
        DataError: the name leaves it open.
    """
    named = [entry for entry in FORMATS.values() if path.name == entry.file_name and not entry.one_case] or _by_suffix(path)
    if len(named) != 1:
        raise DataError(f"the format of {path} is open", remedy=f"name the format of the target, one of {', '.join(FORMATS)}")
    return named[0]


def source_files(source: Path, kind: Format | None) -> tuple[Format, list[Path]]:
    """The format and the files of a source, which is a file or a folder; hidden files of a folder do not count.

    Of a folder that ``medtk predict`` has written, it is predictions.json.

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
    own = source / PREDICTIONS
    if kind is None and source.is_dir() and formats.get(own) is MEDTK:
        beside = {name for entry in FORMATS.values() for name in entry.file_names()}  # other files of predictions, which tell the same
        formats = {path: entry for path, entry in formats.items() if path == own or path.name not in beside}
    names = sorted({entry.name for entry in formats.values() if entry is not None and kind in (None, entry)})
    if len(names) != 1:
        found = f"has files of several formats: {', '.join(names)}" if names else "is of no known format"
        raise DataError(f"{source} {found}", remedy=f"name the format of the source, one of {', '.join(FORMATS)}")
    chosen = FORMATS[names[0]]
    return chosen, [path for path, entry in formats.items() if entry is chosen]
