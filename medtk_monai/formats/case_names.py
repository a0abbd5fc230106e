"""Names of folders for cases, whatever the cases are called."""

from __future__ import annotations

import re
from collections.abc import Container
from hashlib import sha256

_LONGEST = 120
"""Bytes: file systems allow 255, and whole paths not many times as much."""
_DIGITS = 10
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""What Windows takes for a device."""


def folder_of_case(case_id: str, reserved: Container[str] = (), mark: bool = False) -> str:
    """A name for a case's folder on any file system: the case id, or what of it such names may have, "~", and a digest of it.

    Different cases have different folders, but for ids that differ in upper and lower case alone, for which ``mark`` is.

    Args:
        case_id: any text.
        reserved: names in small letters that are not free.
        mark: append the digest in any case.
    """
    plain = re.sub(r"[^\w.\-+]", "_", case_id)
    plain = f"_{plain}" if _DEVICES.fullmatch(plain) else plain
    fits = plain == case_id and 0 < len(plain.encode()) <= _LONGEST and plain == plain.strip(".")
    if fits and not mark and plain.casefold() not in reserved:
        return plain
    head = plain.encode()[: _LONGEST - _DIGITS - 1].decode(errors="ignore").strip(".")
    return f"{head}~{sha256(case_id.encode('utf-8', 'surrogatepass')).hexdigest()[:_DIGITS]}"
