"""Files that are either whole or absent, and never written over by mistake: all that is written goes through here."""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from time import time
from uuid import uuid4
from zlib import crc32

from medtk_monai.errors import DataError, find_os_error, output_error

_DRAFT = re.compile(r"\..*\.(?:(?P<host>[0-9a-f]{8})-(?P<process>\d+)-)?[0-9a-f]{8}\.tmp", re.DOTALL)
"""Names of files that are being written; those of earlier releases told no process."""
_LONGEST = 40
"""Letters of a file's name in that of its draft: names have at most 255 bytes."""
_DAY = 24 * 3600.0


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """A file to write beside ``path``, which takes its place when the block ends well and vanishes otherwise.

    A reader never sees half a file, also after a power cut: the content is on the disk before the name is. Several processes may write
    one. Makes missing folders, and removes what killed processes have left in this one.

    Raises:
        OutputError: the disk is full, the folder cannot be written, or is gone.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name[:_LONGEST]}.{_host()}-{os.getpid()}-{uuid4().hex[:8]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _tidy(path.parent)
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:  # torch hides the one behind the other
        cause = find_os_error(error)
        if cause is None or not _is_about(cause, path.parent):
            raise
        raise output_error(cause, path) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text_atomically(path: str | os.PathLike, text: str) -> None:
    """Write UTF-8 text, see ``replacing``."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def make_folder(path: str | os.PathLike) -> Path:
    """A folder to write to, with those above it.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(error, path) from error
    return Path(path)


def move_into(path: Path, folder: Path) -> None:
    """Give a finished file, of a folder beside ``folder``, its place there.

    Raises:
        OutputError: it cannot be moved.
    """
    try:
        _sync(path)
        os.replace(path, folder / path.name)
        _sync_folder(folder)
    except OSError as error:
        raise output_error(error, folder / path.name) from error


def refuse_existing(path: str | os.PathLike) -> None:
    """Something of a user's own is not written over.

    Raises:
        DataError: the path exists.
    """
    if os.path.exists(path):
        raise DataError(f"{path} exists", remedy="choose another name, or remove it")


def remove_leftovers(folder: str | os.PathLike[str]) -> None:
    """Remove drafts that were never finished: of processes of this machine that are no more, and of others those older than a day."""
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            draft = _DRAFT.fullmatch(entry.name)
            with suppress(OSError):
                if draft and _is_left(draft, entry.stat(follow_symlinks=False)):
                    os.unlink(entry.path)


def is_alive(process: int) -> bool:
    """Whether there is a process of this number on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _is_left(draft: re.Match[str], status: os.stat_result) -> bool:
    if draft["host"] == _host() and not is_alive(int(draft["process"])):
        return True
    return time() - status.st_mtime > _DAY


@lru_cache(maxsize=1024)
def _tidy(folder: Path) -> None:
    """Once in a process."""
    remove_leftovers(folder)


@lru_cache(maxsize=1)
def _host() -> str:
    return f"{crc32(socket.gethostname().encode()):08x}"


def _is_about(error: OSError, folder: Path) -> bool:
    """Whether an error is about what is written into a folder, and not about a file that is read meanwhile."""
    if error.filename is None:
        return True
    path = Path(os.fsdecode(error.filename))
    return path.parent == folder or path in (folder, *folder.parents)


def _sync(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    with path.open("rb+") as file:
        try:
            os.fsync(file.fileno())
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # of file systems that cannot promise it
                raise


def _sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where folders can be opened."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
