"""Arguments as Fire passes them on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def words(value: Any) -> list[str]:
    """The words of a list typed as ``a,b``: Fire makes a tuple of it, and numbers of words that look like them."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [str(word) for word in value]
    return [word for word in str(value).split(",") if word]
