"""What identifies the content of files and of values."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any


def file_sha256(path: str | os.PathLike) -> str:
    """SHA-256 of a file, hexadecimal, read in pieces; what is no regular file, or grows endlessly, is read no further than its size."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        left = os.fstat(file.fileno()).st_size
        while left > 0 and (block := file.read(min(left, 1 << 20))):
            found.update(block)
            left -= len(block)
    return found.hexdigest()


def values_sha256(values: Any) -> str:
    """SHA-256 of numbers, words, lists and dictionaries, hexadecimal, whatever the order of keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()
