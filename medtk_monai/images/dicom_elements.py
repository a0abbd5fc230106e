"""Elements of a DICOM header as they stand in the file: what cannot be a number is none, and nothing is warned about or raised."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pydicom import Dataset
from pydicom.tag import Tag

LOCATION_TAGS = {
    keyword: Tag(keyword)
    for keyword in (
        "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality", "ImageType", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation",
        "NumberOfFrames", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "ImagePositionPatient", "ImageOrientationPatient",
        "SliceLocation", "SliceThickness", "SpacingBetweenSlices", "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence",
        "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "DetectorInformationSequence",
        "PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence", "PixelValueTransformationSequence",
    )
}  # fmt: skip
"""Keyword -> tag of all that is read."""


def texts(data: Dataset, keyword: str) -> list[str]:
    """The values of an element of text, stripped; none if it is missing or empty."""
    element = data.get_item(LOCATION_TAGS[keyword])
    raw = b"" if element is None or element.value is None else element.value
    text = raw.decode("ascii", "replace") if isinstance(raw, bytes) else str(raw)
    text = text.strip("\0 ")
    return [part.strip("\0 ") for part in text.split("\\")] if text else []


def numbers(data: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """The ``count`` finite numbers of an element; None if it has others."""
    try:
        values = tuple(float(text) for text in texts(data, keyword))
    except ValueError:
        return None
    return values if len(values) == count and all(map(math.isfinite, values)) else None


def number(data: Dataset, keyword: str) -> float | None:
    """The one finite number of an element; None if it has another content."""
    values = numbers(data, keyword, 1)
    return None if values is None else values[0]


def items(data: Dataset, keyword: str) -> list[Dataset]:
    """Those of a sequence; none if it is missing."""
    tag = LOCATION_TAGS[keyword]
    return list(data[tag].value or ()) if tag in data else []


@dataclass(frozen=True)
class Groups:
    """The functional groups of a frame: what it tells itself comes before what all frames share, and this before the file.

    Args:
        top: the file.
        shared: item of SharedFunctionalGroupsSequence.
        own: item of PerFrameFunctionalGroupsSequence.
    """

    top: Dataset
    shared: Dataset | None = None
    own: Dataset | None = None

    def has(self, sequence: str) -> bool:
        """Whether the frame, or all, have such a group."""
        return self._group(sequence) is not None

    def _group(self, sequence: str) -> Dataset | None:
        found = [part for level in (self.own, self.shared) if level is not None for part in items(level, sequence)[:1]]
        return found[0] if found else None

    def texts(self, sequence: str, keyword: str) -> list[str]:
        """The values of an element in a group, or at the top of the file."""
        group = self._group(sequence)
        return (texts(group, keyword) if group is not None else []) or texts(self.top, keyword)

    def numbers(self, sequence: str, keyword: str, count: int) -> tuple[float, ...] | None:
        """The finite numbers of an element in a group, or at the top of the file."""
        group = self._group(sequence)
        return numbers(group if group is not None and texts(group, keyword) else self.top, keyword, count)

    def of_detector(self, keyword: str, count: int) -> tuple[float, ...] | None:
        """The numbers of the first detector, where nuclear medicine tells the place of its first frame."""
        detectors = items(self.top, "DetectorInformationSequence")
        return numbers(detectors[0], keyword, count) if detectors else None
