"""Files of a data set, listed, asked for and read in one way by all importers."""

from __future__ import annotations

import os
from pathlib import Path

from medtk_monai.errors import DataError


def listed(folder: Path, *patterns: str) -> list[Path]:
    """The files of a folder that fit one of some patterns as of ``Path.glob``, whatever the case of letters; sorted.

    Hidden files, and all in hidden folders, are no part of a data set: copies made by a Mac have one ``._a.png`` for each ``a.png``. Links to
    files that are not there are listed, so that ``existing`` can tell of them.
    """
    found = {path for pattern in patterns for path in folder.glob(_any_case(pattern)) if not is_hidden(path.relative_to(folder))}
    return sorted(path for path in found if not path.is_dir())


def is_hidden(path: Path) -> bool:
    """Whether a file, or one of the folders in its path, is hidden, or what a Mac adds to archives."""
    return any(part.startswith(".") and part not in (".", "..") or part == "__MACOSX" for part in path.parts)


def _any_case(pattern: str) -> str:
    """A pattern for names in capitals as well; brackets may hold digits, but no letters."""
    return "".join(f"[{letter.lower()}{letter.upper()}]" if letter.isascii() and letter.isalpha() else letter for letter in pattern)


def existing(path: Path, what: str, case: str = "") -> Path:
    """``path`` if there is such a file or folder.

    Raises:
        DataError: there is none, or but a link to a file that was not downloaded.
    """
    if not os.path.exists(path):
        remedy = "download it, e.g. by `datalad get`" if os.path.islink(path) else "correct the path, or download the data set again"
        raise DataError(f"{what} {path} does not exist", case, remedy)
    return path


def is_there(path: Path, what: str, case: str = "") -> bool:
    """Whether there is a file that a case may lack, as one without objects does.

    Raises:
        DataError: there is but a link to a file that was not downloaded.
    """
    return os.path.lexists(path) and bool(existing(path, what, case))


def read_lines(path: Path, case: str = "") -> list[str]:
    """The lines of a text file in UTF-8, with or without its mark.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}", case, "write it again, in UTF-8") from error
