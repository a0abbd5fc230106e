"""The text before, or beside, the voxels of MetaImage and NRRD files, and the files that it names."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medtk_monai.errors import DataError

META_SUFFIXES, NRRD_SUFFIXES = (".mha", ".mhd"), (".nrrd", ".nhdr")
_LONGEST = 2**22
_LINE = re.compile(r"([^:=]+?)\s*(?::=|[:=])\s*(.*)")
_LOCAL = ("local", "")


@dataclass(frozen=True)
class TextHeader:
    """A header of lines.

    Args:
        fields: by name in small letters, without blanks and underlines.
        end: bytes that it takes, up to the voxels where they are in the same file.
        data_files: that it names, none where the voxels are in the same file.
    """

    fields: dict[str, str]
    end: int
    data_files: tuple[Path, ...] = ()


def read_text_header(path: Path) -> TextHeader | None:
    """The header of a MetaImage or NRRD file; None for files of other suffixes.

    Raises:
        DataError: it names data files by a pattern, or outside of its own folder.
    """
    suffix = path.suffix.lower()
    if suffix not in (*META_SUFFIXES, *NRRD_SUFFIXES):
        return None
    with open(path, "rb") as file:
        content = file.read(_LONGEST)
    return _meta_header(content, path) if suffix in META_SUFFIXES else _nrrd_header(content, path)


def _meta_header(content: bytes, path: Path) -> TextHeader:
    """Ends with the line that tells the data file; the names of a list follow it."""
    fields: dict[str, str] = {}
    at = 0
    while at < len(content) and "elementdatafile" not in fields:
        at = _read_line(content, at, fields)
    named = fields.get("elementdatafile", "")
    if named.lower() in _LOCAL:
        return TextHeader(fields, at)
    lines = content[at:].decode(errors="replace").splitlines() if named.split()[0].lower() == "list" else [named]
    return TextHeader(fields, at, _data_files(lines, path))


def _nrrd_header(content: bytes, path: Path) -> TextHeader:
    """Ends with an empty line; without one at the end of the file."""
    fields: dict[str, str] = {}
    at = 0
    while at < len(content):
        line = content[at : content.find(b"\n", at) + 1 or len(content)]
        if not line.strip():
            at += len(line)
            break
        at = _read_line(content, at, fields)
    named = fields.get("datafile", "")
    if named.lower() in _LOCAL:
        return TextHeader(fields, at)
    lines = content[at:].decode(errors="replace").splitlines() if named.split()[0].lower() == "list" else [named]
    return TextHeader(fields, at, _data_files(lines, path))


def _read_line(content: bytes, at: int, fields: dict[str, str]) -> int:
    """Add the field of a line, and give the place of the next."""
    end = content.find(b"\n", at) + 1 or len(content)
    match = _LINE.match(content[at:end].decode(errors="replace").strip())
    if match:
        fields.setdefault(re.sub(r"[\s_]", "", match[1].lower()), match[2].strip())
    return end


def _data_files(lines: Sequence[str], path: Path) -> tuple[Path, ...]:
    folder, names = os.path.abspath(path.parent), [line.strip() for line in lines if line.strip()]
    for name in names:
        if "%" in name:
            raise DataError(
                f"{path} names its data files by the pattern {name!r}", remedy="name each file, below a line that ends with LIST"
            )
        if not os.path.abspath(os.path.join(folder, name)).startswith(folder.rstrip(os.sep) + os.sep):
            raise DataError(
                f"{path} names the data file {name!r}, which is not in its folder", remedy="put it there, and name it without a path"
            )
    return tuple(Path(folder, name) for name in names)
