"""Files that are either whole or absent, and never written over by mistake."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from medtk_monai.errors import DataError


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """A file to write beside ``path``, which takes its place when the block ends well and vanishes otherwise.

    A reader never sees half a file, and several processes may write one. Makes missing folders.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text_atomically(path: str | os.PathLike, text: str) -> None:
    """Write UTF-8 text, see ``replacing``."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def refuse_existing(path: str | os.PathLike) -> None:
    """Something of a user's own is not written over.

    Raises:
        DataError: the path exists.
    """
    if os.path.exists(path):
        raise DataError(f"{path} exists", remedy="choose another name, or remove it")
