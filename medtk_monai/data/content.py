"""By what a scan is known: the content of its files, whatever they are called."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medtk_monai.digests import file_sha256, values_sha256
from medtk_monai.errors import DataError
from medtk_monai.images.nifti import other_of_pair
from medtk_monai.images.text_headers import read_text_header


def files_of(path: str | os.PathLike) -> list[Path]:
    """The files of a scan: itself and the data that its header names, or the regular files directly in a folder but for hidden ones.

    Raises:
        DataError: it is neither a regular file nor a folder, but a pipe or a device, say; or its header names files that it must not.
        OSError: there is none.
    """
    path = Path(path)
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return sorted(found for found in path.iterdir() if not found.name.startswith(".") and found.is_file())
    if not stat.S_ISREG(mode):
        raise DataError(f"{path} is neither a file nor a folder, but a pipe or a device", remedy="give the scan as a file or a folder")
    return [path, *_data_files(path)]


def stamp_of(files: Sequence[Path]) -> str:
    """What changes when a file is replaced, written to or touched: a digest of names, sizes and times of change."""
    states = [(path.name, path.stat()) for path in files]
    return values_sha256([[name, state.st_size, state.st_mtime_ns, state.st_ctime_ns] for name, state in states])


@dataclass(frozen=True)
class Content:
    """What a scan was when it was looked at.

    Args:
        sha256: of the bytes of its file; of several files, of their names, sizes and bytes.
        stamp: see ``stamp_of``.
    """

    sha256: str
    stamp: str

    @staticmethod
    def of(path: str | os.PathLike) -> Content:
        """That of a scan as it is.

        Raises:
            DataError, OSError: see ``files_of``.
        """
        files = files_of(path)
        stamp = stamp_of(files)  # first: what is written to meanwhile has another one afterwards
        if len(files) == 1 and not os.path.isdir(path):
            return Content(file_sha256(path), stamp)
        return Content(values_sha256([[file.name, file.stat().st_size, file_sha256(file)] for file in files]), stamp)

    @staticmethod
    def read(values: Any) -> Content | None:
        """From plain values, see ``to_dict``; None if they are none."""
        if not isinstance(values, dict) or not all(isinstance(values.get(name), str) for name in ("sha256", "stamp")):
            return None
        return Content(values["sha256"], values["stamp"])

    def to_dict(self) -> dict[str, str]:
        return asdict(self)

    def is_of(self, path: str | os.PathLike) -> bool:
        """Whether a scan still is what it was; its bytes are read only if its files were touched.

        Raises:
            DataError, OSError: see ``files_of``.
        """
        return self.stamp == stamp_of(files_of(path)) or self.sha256 == Content.of(path).sha256


def _data_files(header: Path) -> list[Path]:
    """The files that a header points to, as far as they are there."""
    text = read_text_header(header)
    found = list(text.data_files) if text else other_of_pair(header)
    return [path for path in found if path.is_file()]
