"""Errors a user can mend, told in one line."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

from medtk_monai.wording import shown

_PACKAGE = Path(__file__).parent
_FAILED_TO_BUILD = "Failed to instantiate component"
"""How MONAI begins what it says of a part of a configuration that cannot be made."""


class DataError(ValueError):
    """Something is wrong with a user's data: the message says what, where (file or case id) and the remedy."""

    def __init__(self, what: str, case: str = "", remedy: str = ""):
        self.what, self.case, self.remedy = what, case, remedy
        super().__init__(f"{f'case {case!r}: ' if case else ''}{what}{f' -- {remedy}' if remedy else ''}")

    def __reduce__(self):
        return type(self), (self.what, self.case, self.remedy)


class OutputError(DataError):
    """Something cannot be written: the disk is full, or its folder is gone or write protected. What comes next could not be written either."""


_SPACE = "free space, or choose another folder"
_PERMISSIONS = "see to its permissions, or choose another folder"
_DISK = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: _SPACE,
    errno.EROFS: "choose a folder that may be written to",
    errno.EACCES: _PERMISSIONS,
    errno.EPERM: _PERMISSIONS,
    errno.ENOENT: "see whether its folder has been moved or removed",
    errno.ENOTDIR: "choose another folder: a part of this path is a file",
    errno.EEXIST: "choose another folder: a part of this path is a file",
    errno.EISDIR: "choose another name, or remove the folder of that name",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EIO: "see whether the disk or the network drive is in order",
    errno.ESTALE: "see whether the disk or the network drive is in order",
}
"""What to do about errors of the operating system."""


def output_error(error: OSError, path: str | os.PathLike) -> OutputError:
    """An error of the operating system as one that tells what could not be written, and the remedy."""
    remedy = _DISK.get(error.errno or 0, "see whether the disk is in order, or choose another folder")
    return OutputError(f"cannot write {os.fspath(path)}: {error.strerror or error}", remedy=remedy)


def find_os_error(error: BaseException | None) -> OSError | None:
    """The first error of the operating system in the chain of causes that led to ``error``, if there is one."""
    return next((cause for cause in _chain(error) if isinstance(cause, OSError) and cause.errno is not None), None)


def find_disk_error(error: BaseException | None) -> DataError | None:
    """The error by which the operating system has refused a file or a folder, if that led to ``error``, in one line with its remedy."""
    cause = find_os_error(error)
    if cause is None or cause.errno not in _DISK:
        return None
    where = os.fsdecode(cause.filename) if isinstance(cause.filename, str | bytes | os.PathLike) else "a file"
    return DataError(f"{where}: {cause.strerror}", remedy=_DISK[cause.errno])


def existing_file(path: str | os.PathLike, remedy: str) -> str:
    """``path`` if there is such a file.

    Raises:
        DataError: there is none.
    """
    if not Path(path).is_file():
        raise DataError(f"{path} is a folder, and a file is wanted" if Path(path).is_dir() else f"no file {path}", remedy=remedy)
    return str(path)


def import_extra(module: str, extra: str) -> Any:
    """A module of a package that only some uses need, which ``pip install 'medtk_monai[extra]'`` installs.

    Raises:
        DataError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise DataError(f"{module} is needed: {error}", remedy=f"pip install 'medtk_monai[{extra}]'") from error


def find_data_error(error: BaseException | None) -> DataError | None:
    """The first DataError in the chain of causes that led to ``error``, if there is one."""
    return next((cause for cause in _chain(error) if isinstance(cause, DataError)), None)


def as_data_error(error: BaseException, case: str, doing: str) -> DataError:
    """The DataError that led to ``error``, with the case if it names none; another error as one that tells what was being done."""
    cause = find_data_error(error)
    if cause is not None:
        return DataError(cause.what, cause.case or case, cause.remedy)
    return DataError(f"{doing} failed: {type(error).__name__}: {error}".splitlines()[0], case, "see the error above")


def show_data_errors_in_one_line() -> None:
    """From now on a DataError that ends the process prints one line instead of a traceback; the exit code stays 1.

    So does a value of a configuration that a part of this package refuses. MONAI wraps whatever fails while it builds a configuration or
    applies a transform, so the cause is looked up in the chain. Other errors keep their traceback.
    """
    previous = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """One line for an error that a user can mend, whatever came before for other errors."""
        cause = find_data_error(error) or _find_refusal(error) or find_disk_error(error)
        if isinstance(error, KeyboardInterrupt):
            sys.stderr.write(
                "\ninterrupted: the same command begins again, a training with --resume auto goes on from its last checkpoint\n"
            )
        elif cause is None:
            previous(kind, error, trace)
        else:
            sys.stderr.write(f"error: {_last_line(cause)}\n")

    sys.excepthook = hook


def _find_refusal(error: BaseException) -> ValueError | None:
    """The ValueError that this package has raised itself over a value of a configuration, if that is what ``error`` is about."""
    if not str(error).startswith(_FAILED_TO_BUILD):
        return None
    for cause in _chain(error):
        if isinstance(cause, ValueError) and _raised_in(cause).is_relative_to(_PACKAGE):
            return cause
    return None


def _raised_in(error: BaseException) -> Path:
    """The file of the line that has raised an error."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return Path(trace.tb_frame.f_code.co_filename) if trace is not None else Path()


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and the causes that led to it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__


def root_in_one_line(error: BaseException) -> str:
    """What has led to an error: what a DataError says without its remedy, or the kind and the first line of another error."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error.what if isinstance(error, DataError) else f"{type(error).__name__}: {error}".splitlines()[0]


def _last_line(error: ValueError) -> str:
    """The message itself: torch puts the traceback of a loader's worker before it."""
    return shown(str(error).strip().splitlines()[-1]).removeprefix(f"{DataError.__module__}.{DataError.__name__}: ")
