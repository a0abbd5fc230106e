"""Checks of the values in files that others wrote."""

from __future__ import annotations

from reprlib import repr as shown
from typing import Any

import numpy as np

from medtk_monai.errors import DataError

_DECIMALS = 6
_LIMIT = 3e38
"""Of numbers, so that float32 holds them."""
_INT64_LIMIT = 2**63


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
    """``value`` as an int if it is a whole number from 0 that int64 holds.

    Raises:
        DataError: it is not.
    """
    if not _is_finite(value) or not 0 <= value < _INT64_LIMIT or value != int(value):
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
