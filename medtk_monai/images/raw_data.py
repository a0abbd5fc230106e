"""The voxels of MetaImage and NRRD files that lie in one piece, packed or not, read by ourselves.

ITK goes on with what it has where packed data of MetaImage are damaged, and does not compare the checksum of those of NRRD.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from medtk_monai.images.streams import Unpacked, check_expected, read_array, read_to_end
from medtk_monai.images.text_headers import META_SUFFIXES, TextHeader

_NRRD_ENCODINGS = {"raw": False, "gzip": True, "gz": True}
"""Whether it packs."""
_NOT_PLAIN = ("headersize", "lineskip", "byteskip", "elementtointensityfunctionslope", "elementtointensityfunctionoffset")


@dataclass(frozen=True)
class RawData:
    """Where voxels lie: from which byte of a file on, and whether packed by gzip or zlib."""

    file: Path
    start: int
    packed: bool

    def read(self, count: int, dtype: np.dtype) -> np.ndarray:
        """All numbers (count,).

        Raises:
            ValueError: there are fewer, or they are damaged.
        """
        check_expected(self.file, count * dtype.itemsize)
        with self._open() as stream:
            numbers = read_array(stream, count, dtype)
            read_to_end(stream)
        return numbers

    def check(self) -> None:
        """Compare the checksum of packed data.

        Raises:
            ValueError: they are damaged.
        """
        with self._open() as stream:
            read_to_end(stream, sys.maxsize)

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        with open(self.file, "rb") as file:
            file.seek(self.start)
            yield io.BufferedReader(Unpacked(file)) if self.packed else file  # type: ignore[misc]


def find_raw_data(path: Path, text: TextHeader) -> RawData | None:
    """Where the voxels of a file lie; None where they are in several files, or are written in an uncommon way."""
    fields = text.fields
    if any(fields.get(field, "0") != "0" for field in _NOT_PLAIN) or len(text.data_files) > 1:
        return None
    file, start = (text.data_files[0], 0) if text.data_files else (path, text.end)
    if path.suffix.lower() in META_SUFFIXES:
        is_binary = fields.get("binarydata", "false").lower() == "true"
        return RawData(file, start, fields.get("compresseddata", "false").lower() == "true") if is_binary else None
    packed = _NRRD_ENCODINGS.get(fields.get("encoding", "").lower())
    return None if packed is None else RawData(file, start, packed)
