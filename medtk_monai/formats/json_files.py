"""Strict JSON files, and checks of the values in files that others wrote."""

from __future__ import annotations

import json
import os
from pathlib import Path
from reprlib import repr as shown
from typing import Any

import numpy as np

from medtk_monai.atomic import write_text_atomically
from medtk_monai.errors import DataError

_DECIMALS = 6
_LIMIT = 3e38
"""Of numbers, so that float32 holds them."""


def read_json(path: str | os.PathLike, remedy: str = "write the file again", strict: bool = True) -> Any:
    """The content of a JSON file; NaN and Infinity, which JSON does not know, are refused, or kept unless ``strict``.

    Raises:
        DataError: the file cannot be read, or is no JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"), parse_constant=_refuse_constant if strict else None)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a JSON file that can be read: {error}".splitlines()[0], remedy=remedy) from error


def _refuse_constant(name: str) -> float:
    raise ValueError(f"it contains {name}")


def write_json(path: str | os.PathLike, content: Any) -> None:
    """Write strict JSON; the file appears whole or not at all.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    write_text_atomically(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def as_list(value: Any, what: str, case: str = "", kind: type = dict) -> list[Any]:
    """``value`` if it is a list whose items are all of one kind, objects unless told otherwise.

    Raises:
        DataError: it is not.
    """
    if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
        raise DataError(f"{what} must be a list of {'objects' if kind is dict else kind.__name__}, not {shown(value)}", case)
    return value


def as_vector(value: Any, length: int, what: str, case: str = "") -> list[float]:
    """``value`` as floats if it is a list of ``length`` finite numbers.

    Raises:
        DataError: it is not.
    """
    if not isinstance(value, (list, tuple)) or len(value) != length or not all(_is_finite(item) for item in value):
        raise DataError(f"{what} must be {length} finite numbers, not {shown(value)}", case)
    return [float(item) for item in value]


def as_number(value: Any, what: str, case: str = "") -> float:
    """``value`` as a float if it is one finite number.

    Raises:
        DataError: it is not.
    """
    return as_vector([value], 1, what, case)[0]


def as_index(value: Any, what: str, case: str = "") -> int:
    """``value`` as an int if it is a whole number from 0.

    Raises:
        DataError: it is not.
    """
    if not _is_finite(value) or value < 0 or value != int(value):
        raise DataError(f"{what} must be a whole number from 0, not {shown(value)}", case)
    return int(value)


def parse_number(text: str) -> float | None:
    """A finite number from text, or None; without the underscores and words that Python reads."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if "_" not in text and abs(value) < _LIMIT else None


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LIMIT


def rounded(values: np.ndarray) -> list[Any]:
    """Coordinates for a file: nested lists, to a millionth; adding 0 turns -0.0 into 0.0."""
    return (np.round(np.asarray(values, dtype=np.float64), _DECIMALS) + 0.0).tolist()
