"""The text before, or beside, the voxels of MetaImage and NRRD files, and the files that it names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from medtk_monai.errors import DataError

META_SUFFIXES, NRRD_SUFFIXES = (".mha", ".mhd"), (".nrrd", ".nhdr")
_LONGEST = 2**22
_AXES = re.compile(rb"^\s*NDims\s*[:=]\s*(.*?)\s*$", re.IGNORECASE | re.MULTILINE)
_MOST_AXES = 10
"""That MetaImage knows."""
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
        DataError: it names data files by a pattern, or outside of its own folder; or has more axes than can be.
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
    for axes in _AXES.findall(content[:at]):  # ITK believes the last one, and ends the process
        if not axes.isdigit() or not 1 <= int(axes[:9]) <= _MOST_AXES:
            raise DataError(f"{path} tells {axes[:30].decode(errors='replace')!r} axes in NDims", remedy="copy or convert the file again")
    return TextHeader(fields, at, _data_files(fields.get("elementdatafile", ""), content[at:], path))


def _nrrd_header(content: bytes, path: Path) -> TextHeader:
    """Ends with an empty line, or with the file; the names of a list follow the line that tells of it."""
    fields: dict[str, str] = {}
    at, ended = 0, False
    while at < len(content) and not ended and not _is_list(fields.get("datafile", "")):
        start, at = at, _read_line(content, at, fields)
        ended = not content[start:at].strip()
    return TextHeader(fields, at, _data_files(fields.get("datafile", ""), content[at:], path))


def _read_line(content: bytes, at: int, fields: dict[str, str]) -> int:
    """Add the field of a line, and give the place of the next."""
    end = content.find(b"\n", at) + 1 or len(content)
    match = _LINE.match(content[at:end].decode(errors="replace").strip())
    if match:
        fields.setdefault(re.sub(r"[\s_]", "", match[1].lower()), match[2].strip())
    return end


def _is_list(named: str) -> bool:
    return named.lower().split()[:1] == ["list"]


def _data_files(named: str, behind: bytes, path: Path) -> tuple[Path, ...]:
    """The files that a header names in a line, or in those behind it.

    Raises:
        DataError: by a pattern, or outside of its folder.
    """
    if named.lower() in _LOCAL:
        return ()
    folder = os.path.abspath(path.parent)
    lines = behind.decode(errors="replace").splitlines() if _is_list(named) else [named]
    names = [line.strip() for line in lines if line.strip()]
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
