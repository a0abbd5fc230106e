"""Numbers and NumPy arrays from pickles of unknown origin.

A pickle is a program that may call anything. Here it may only build stand-ins, which keep the bytes of arrays: no function of NumPy or of
any other package runs, and a pickle that asks for another is refused.
"""

from __future__ import annotations

import math
import os
import pickle
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.errors import DataError

_NUMBER_TYPES = re.compile(r"b1|[iu][1248]|f[248]", re.ASCII)
_DEPTH = 3


class _DType:
    """Stands in for ``numpy.dtype``: types of numbers only."""

    def __init__(self, code: str, *flags: Any):
        if not _NUMBER_TYPES.fullmatch(code):
            raise ValueError(f"an array of type {code!r}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dtype = self.dtype.newbyteorder(">" if state[1] == ">" else "<")


class _Array:
    """Stands in for ``numpy.ndarray`` and the function that makes an empty one."""

    def __init__(self, *ignored: Any):
        self.value = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, columns_first, data = state
        self.value = _decode(data, kind, shape, "F" if columns_first else "C")


class _Buffer:
    """Stands in for the function that makes an array of a buffer."""

    def __init__(self, data: Any, kind: _DType, shape: tuple[int, ...], order: str):
        self.value = _decode(data, kind, shape, order)

    def __setstate__(self, state: Any) -> None:
        raise ValueError("an array with a state of its own")


class _Scalar(_Buffer):
    """Stands in for the function that makes a NumPy number."""

    def __init__(self, kind: _DType, data: Any):
        super().__init__(data, kind, (), "C")


class _Latin1:
    """Stands in for the encoder that old protocols keep bytes by."""

    def __new__(cls, text: str, encoding: str) -> Any:
        """The bytes."""
        if encoding != "latin1":
            raise ValueError(f"the encoding {encoding!r}")
        return text.encode("latin1")

    def __setstate__(self, state: Any) -> None:
        raise ValueError("an encoder with a state of its own")


def _decode(data: Any, kind: _DType, shape: tuple[int, ...], order: str) -> np.ndarray:
    if not isinstance(data, (bytes, bytearray)) or len(data) != math.prod(shape) * kind.dtype.itemsize:
        raise ValueError(f"an array of the shape {shape} with other data")
    return np.frombuffer(data, dtype=kind.dtype).reshape(shape, order="F" if order == "F" else "C")


_ALLOWED: dict[tuple[str, str], type] = {
    ("numpy", "dtype"): _DType,
    ("numpy", "ndarray"): _Array,
    ("_codecs", "encode"): _Latin1,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _Buffer for core in ("core", "_core")},
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type:
        """A stand-in, or a DataError that names what was asked for."""
        if (module, name) not in _ALLOWED:
            remedy = "it may be harmful: do not open it with other programs, and ask for the numbers as JSON"
            raise DataError(f"the pickle asks for {module}.{name}, which no list of boxes needs", remedy=remedy)
        return _ALLOWED[module, name]


def load_arrays(path: str | os.PathLike, keys: Iterable[str]) -> dict[str, Any]:
    """The values of a pickled dictionary under some of its keys, as numbers and nested lists; absent keys are left out.

    Raises:
        DataError: the pickle is damaged, holds no dictionary, asks for anything but numbers and NumPy arrays, or has other things
            under these keys. What it asked for is not run.
    """
    try:
        with Path(path).open("rb") as file:
            content = _Unpickler(file).load()
        if not isinstance(content, dict):
            raise ValueError(f"it holds a {type(content).__name__}, not a dictionary")
        return {key: _plain(content[key], _DEPTH) for key in keys if key in content}
    except DataError as error:
        raise DataError(f"{path}: {error.what}", remedy=error.remedy) from error
    except Exception as error:
        what = f"{path} is not a pickle of arrays: {type(error).__name__}: {error}".splitlines()[0]
        raise DataError(what, remedy="write it again") from error


def _plain(value: Any, depth: int) -> Any:
    """Numbers and nested lists."""
    if isinstance(value, (_Array, _Buffer)):
        return value.value.tolist()
    if isinstance(value, (list, tuple)) and depth:
        return [_plain(item, depth - 1) for item in value]
    if isinstance(value, (int, float)):
        return value
    raise ValueError(f"a {type(value).__name__} among the numbers")
