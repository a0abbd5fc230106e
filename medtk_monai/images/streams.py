"""The bytes of files, unpacked where gzip has packed them, up to an end that proves them whole."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 17
_LONGEST_PIECE = 1 << 22
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
"""For zlib: the kind of stream is told by its first bytes; checksum and length are compared at its end."""
MOST_TIMES = 1032
"""No stream of deflate unpacks to more than this many times its size."""
SURPLUS = 2**28
"""Bytes behind the voxels from which a stream is taken for one that is made to fill memory."""


class Unpacked(io.RawIOBase):
    """What a file holds from where it stands, unpacked from one or more streams of gzip or zlib, whose checksums are compared.

    Raises:
        ValueError: the packed data are damaged or end early.
    """

    def __init__(self, file: BinaryIO):
        self._file, self._packed = file, b""
        self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        view = memoryview(buffer).cast("B")
        piece = self._next(min(len(view), _LONGEST_PIECE)) if len(view) else b""
        view[: len(piece)] = piece
        return len(piece)

    def _next(self, most: int) -> bytes:
        """The next bytes; none at the end of the last stream."""
        while True:
            if self._stream.eof:
                self._packed = (self._stream.unused_data or self._packed).lstrip(b"\0") or self._file.read(_CHUNK).lstrip(b"\0")
                if not self._packed:
                    return b""
                self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
            self._packed = self._packed or self._file.read(_CHUNK)
            if not self._packed:
                raise ValueError("its packed data end early: the file is cut off")
            try:
                piece = self._stream.decompress(self._packed, most)
            except zlib.error as error:
                raise ValueError(f"its packed data are damaged ({str(error).rpartition(': ')[2]})") from error
            self._packed = self._stream.unconsumed_tail
            if piece:
                return piece


@contextmanager
def open_unpacked(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """The content of a file, which is unpacked if its first bytes, rather than its name, say that it is packed by gzip."""
    with open(path, "rb") as file:
        packed = file.read(2) == _GZIP_MAGIC
        file.seek(0)
        yield io.BufferedReader(Unpacked(file), _CHUNK) if packed else file  # type: ignore[misc]


def read_array(stream: BinaryIO, count: int, dtype: np.dtype) -> np.ndarray:
    """The next ``count`` numbers of a stream, (count,).

    Raises:
        ValueError: there are fewer.
    """
    array = np.empty(count * dtype.itemsize, np.uint8)
    view = memoryview(array)  # type: ignore[arg-type]
    read = 0
    while read < len(view):
        got = stream.readinto(view[read:])  # type: ignore[attr-defined]
        if not got:
            raise ValueError(f"it ends after {read} bytes of voxels, its header tells {len(view)}")
        read += got
    return array.view(dtype)


def skip(stream: BinaryIO, count: int) -> None:
    """Pass over bytes; the end of the stream may come first."""
    while count > 0 and (piece := stream.read(min(count, _LONGEST_PIECE))):
        count -= len(piece)


def read_to_end(stream: BinaryIO, most: int | None = None) -> None:
    """Read on to where the checksums stand, if there are any.

    Raises:
        ValueError: they are of other data; or more than ``most`` bytes come, 256 MB by default.
    """
    most = SURPLUS if most is None else most
    if stream.seekable():  # not packed
        return
    surplus = 0
    while piece := stream.read(_CHUNK):
        surplus += len(piece)
        if surplus > most:
            raise ValueError(f"more than {most >> 20} MB follow the voxels that its header tells")


def check_expected(path: str | os.PathLike, expected: int) -> None:
    """Refuse a file that cannot hold as many bytes as its header tells, before memory is taken for them.

    Raises:
        ValueError: even if it is packed as tightly as can be, it is too small.
    """
    size = Path(path).stat().st_size
    if expected > (size + _CHUNK) * MOST_TIMES:
        raise ValueError(f"its header tells {expected} bytes of voxels, which {size} bytes cannot hold")
