"""What a DICOM file is of, from its first bytes."""

from __future__ import annotations

import os
import struct
from pathlib import Path

_MAGIC_AT, _MAGIC = 128, b"DICM"
_HEAD_BYTES = 1024
"""Of a file: more than what comes before the class in the file meta information."""
_META_GROUP, _CLASS_ELEMENT = 0x0002, 0x0002
_LONG_KINDS = (b"OB", b"OW", b"UN")
"""Value representations whose length takes four bytes after two empty ones."""
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_NO_SCANS = (
    "1.2.840.10008.1.3.10",  # DICOMDIR
    *(_STORAGE + part for part in ("4.2", "9.", "11.", "66", "67", "68.", "77.1.5.3", "78.", "79.", "80.", "88.", "104.")),
    *(_STORAGE + f"481.{number}" for number in range(2, 20)),
    "1.2.840.10008.5.1.4.34.",  # treatment records and instructions
)
"""How the classes begin that hold no pictures of a patient: directories, spectra, waveforms, presentation states, raw data,
registrations, segmentations and surfaces, value mappings, surface scans, lens and eye measurements, reports and key objects, documents,
radiotherapy."""


def dicom_class(path: str | os.PathLike) -> str | None:
    """The UID of the class (MediaStorageSOPClassUID) of a DICOM file; "" where it tells none, None for other files."""
    with open(path, "rb") as file:
        head = file.read(_HEAD_BYTES)
    if head[_MAGIC_AT : _MAGIC_AT + 4] != _MAGIC:
        return None
    at = _MAGIC_AT + 4
    while at + 12 <= len(head):
        group, element, kind, length = struct.unpack_from("<HH2sH", head, at)
        at += 8
        if kind in _LONG_KINDS:
            (length,), at = struct.unpack_from("<I", head, at), at + 4
        if group != _META_GROUP or element > _CLASS_ELEMENT:
            break
        if element == _CLASS_ELEMENT:
            return head[at : at + length].rstrip(b"\0 ").decode("ascii", "replace")
        at += length
    return ""


def is_dicom_image(path: str | os.PathLike) -> bool:
    """Whether a file is DICOM and may be a part of a scan, other than a report or a segmentation.

    Old files without the mark of DICOM count by their suffix ``.dcm``.
    """
    uid = dicom_class(path)
    return Path(path).suffix.lower() == ".dcm" if uid is None else not uid.startswith(_NO_SCANS)
