"""What the header of a DICOM file tells of its frames: their places in the patient, and how stored numbers become values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom import Dataset

from medtk_monai.errors import DataError
from medtk_monai.images.dicom_elements import LOCATION_TAGS, Groups, items, number, numbers, texts

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_SLICE_CLASSES = tuple(_STORAGE + part for part in ("2", "2.1", "2.2", "4", "4.1", "4.3", "4.4", "128", "128.1", "130"))
"""CT, MR and PET: their images have a place in the patient. Others, as X-rays, may have none, and none is missed then."""
_UNIT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_UNIT_TOLERANCE = 0.01
"""By which the lengths of directions may differ from 1, and the cosine of their angle from 0."""
_AT_DETECTOR = ("ImagerPixelSpacing", "NominalScannedPixelSpacing")
COPY_AGAIN = "copy or export the file again"


@dataclass(frozen=True)
class Frame:
    """One frame of a file.

    Args:
        path: of the file.
        index: in the file, from 0.
        size: columns and rows.
        spacing: between columns, and between rows, mm.
        orientation: directions (unit vectors, LPS) in which columns and rows are counted.
        position: center of the first pixel, LPS mm; None if it is not told.
        location: along the normal, mm, which old files tell instead of the position.
        slope: of stored numbers to values.
        intercept: of the same.
    """

    path: Path
    index: int
    size: tuple[int, int]
    spacing: tuple[float, float]
    orientation: tuple[float, ...]
    position: tuple[float, ...] | None
    location: float | None
    slope: float
    intercept: float

    @property
    def normal(self) -> np.ndarray:
        return np.cross(self.orientation[:3], self.orientation[3:])


@dataclass(frozen=True)
class DicomFile:
    """The header of an image file.

    Args:
        path: of the file.
        series: SeriesInstanceUID; "" if it tells none.
        uid: SOPInstanceUID; "" if it tells none.
        modality: "CT", for example; "" if it tells none.
        frames: in the order of the file.
        thickness: of a slice, mm.
        is_color: it has more than one number for each pixel.
        is_slice: its class is one of slices through the patient.
        is_localizer: it calls itself one.
        assumed: what it does not tell, and what was taken instead.
    """

    path: Path
    series: str
    uid: str
    modality: str
    frames: tuple[Frame, ...]
    thickness: float
    is_color: bool
    is_slice: bool
    is_localizer: bool
    assumed: tuple[str, ...]


def read_dicom_file(path: Path) -> DicomFile | None:
    """The header of a DICOM image; None if the file is DICOM, and holds no image.

    Raises:
        DataError: it is no DICOM file, or tells of more or fewer places than it has frames.
    """
    try:
        data = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(LOCATION_TAGS.values()))
        size = (int(data.get("Columns", 0) or 0), int(data.get("Rows", 0) or 0))
        is_known = bool(size[0] or data.file_meta or data.get_item(LOCATION_TAGS["SOPClassUID"]))
    except Exception as error:  # pydicom raises errors of many kinds over broken files
        raise DataError(f"{path} is no DICOM file: {type(error).__name__}: {error}".splitlines()[0], remedy=COPY_AGAIN) from error
    if not is_known:
        raise DataError(f"{path} is no DICOM file", remedy=COPY_AGAIN)
    if min(size) <= 0:
        return None
    kind = "".join(texts(data, "SOPClassUID")[:1])
    assumed: list[str] = []
    thickness = number(data, "SliceThickness") or abs(number(data, "SpacingBetweenSlices") or 0.0)
    return DicomFile(
        path=path,
        series="".join(texts(data, "SeriesInstanceUID")[:1]),
        uid="".join(texts(data, "SOPInstanceUID")[:1]),
        modality="".join(texts(data, "Modality")[:1]),
        frames=_frames(path, data, size, kind in _SLICE_CLASSES, assumed),
        thickness=thickness if thickness > 0 else 1.0,
        is_color=int(data.get("SamplesPerPixel", 1) or 1) > 1 or "PALETTE COLOR" in texts(data, "PhotometricInterpretation"),
        is_slice=kind in _SLICE_CLASSES,
        is_localizer="LOCALIZER" in texts(data, "ImageType"),
        assumed=tuple(dict.fromkeys(assumed)),
    )


def _frames(path: Path, data: Dataset, size: tuple[int, int], is_slice: bool, assumed: list[str]) -> tuple[Frame, ...]:
    count = _frame_count(data, assumed)
    own, shared = items(data, "PerFrameFunctionalGroupsSequence"), items(data, "SharedFunctionalGroupsSequence")
    if own and len(own) != count:
        raise DataError(f"{path} has {count} frames, and tells the places of {len(own)}", remedy=COPY_AGAIN)
    groups = [Groups(data, shared[0] if shared else None, own[index] if own else None) for index in range(count)]
    orientations = [_orientation(group, is_slice, assumed) for group in groups]
    positions = _positions(path, groups, orientations[0], assumed)
    location = number(data, "SliceLocation")
    if items(data, "ModalityLUTSequence"):
        assumed.append("tells values by a table (ModalityLUTSequence); stored numbers are taken as they are")
    return tuple(
        Frame(path, index, size, _spacing(group, is_slice, assumed), orientation, position, location, *_rescale(group, assumed))
        for index, (group, orientation, position) in enumerate(zip(groups, orientations, positions))
    )


def _frame_count(data: Dataset, assumed: list[str]) -> int:
    told = texts(data, "NumberOfFrames")
    count = number(data, "NumberOfFrames") if told else 1
    if count is None or count < 1 or count != int(count):
        assumed.append(f"tells {told[0]!r} as its number of frames; 1 is assumed")
        return 1
    return int(count)


def _orientation(group: Groups, is_slice: bool, assumed: list[str]) -> tuple[float, ...]:
    """Unit vectors along columns and rows; those of the patient's axes where they are not told."""
    told = group.numbers("PlaneOrientationSequence", "ImageOrientationPatient", 6) or group.of_detector("ImageOrientationPatient", 6)
    if told is not None:
        right, down = np.array(told).reshape(2, 3)
        lengths = np.linalg.norm(right), np.linalg.norm(down)
        if all(abs(length - 1) < _UNIT_TOLERANCE for length in lengths) and abs(right @ down) < _UNIT_TOLERANCE:
            return (*(right / lengths[0]).tolist(), *(down / lengths[1]).tolist())
    if is_slice or told is not None:
        what = "no orientation" if told is None else f"{_joined(told)} as its orientation"
        assumed.append(f"tells {what} (ImageOrientationPatient); the axes of the patient are assumed")
    return _UNIT


def _spacing(group: Groups, is_slice: bool, assumed: list[str]) -> tuple[float, float]:
    """Between columns and between rows, mm."""
    told = group.numbers("PixelMeasuresSequence", "PixelSpacing", 2)
    if told is not None and min(told) > 0:
        return told[1], told[0]
    what = "no pixel spacing" if told is None else f"a pixel spacing of {_joined(told)}"
    for keyword in _AT_DETECTOR:
        beside = numbers(group.top, keyword, 2)
        if beside is not None and min(beside) > 0:
            if is_slice or told is not None:
                assumed.append(f"tells {what}; {keyword} is taken")
            return beside[1], beside[0]
    assumed.append(f"tells {what} (PixelSpacing); 1 mm is assumed")
    return 1.0, 1.0


def _positions(path: Path, groups: list[Groups], orientation: tuple[float, ...], assumed: list[str]) -> list[tuple[float, ...] | None]:
    """Of the frames of a file; of several, each has one."""
    keywords = ("PlanePositionSequence", "ImagePositionPatient", 3)
    if len(groups) == 1:
        return [groups[0].numbers(*keywords)]
    if not any(group.has(keywords[0]) for group in groups):
        return _counted_positions(groups, orientation, assumed)
    told = [group.numbers(*keywords) if group.has(keywords[0]) else None for group in groups]
    if None in told:
        what = f"{path}: frame {told.index(None) + 1} of {len(told)} tells no position (ImagePositionPatient)"
        raise DataError(what, remedy=COPY_AGAIN)
    return list(told)


def _counted_positions(groups: list[Groups], orientation: tuple[float, ...], assumed: list[str]) -> list[tuple[float, ...] | None]:
    """Of frames that tell none: one behind the other from the place of the first, if that is told."""
    top = groups[0].top
    first = numbers(top, "ImagePositionPatient", 3) or groups[0].of_detector("ImagePositionPatient", 3)
    told = number(top, "SpacingBetweenSlices")
    step = told or 1.0
    start = "no positions of" if first is None else "the position of the first alone of"
    apart = f"{step:g} mm apart" + ("" if told else ", which is assumed as well")
    assumed.append(f"tells {start} its {len(groups)} frames; they are assumed to be slices one behind the other, {apart}")
    normal = np.cross(orientation[:3], orientation[3:])
    return [tuple((np.array(first or (0.0, 0.0, 0.0)) + index * step * normal).tolist()) for index in range(len(groups))]


def _rescale(group: Groups, assumed: list[str]) -> tuple[float, float]:
    """Slope and intercept."""
    told = group.texts("PixelValueTransformationSequence", "RescaleSlope")
    slope = group.numbers("PixelValueTransformationSequence", "RescaleSlope", 1)
    if told and (slope is None or slope[0] == 0):
        assumed.append(f"tells {told[0]!r} as its rescale slope; 1 is assumed")
        slope = None
    base = group.texts("PixelValueTransformationSequence", "RescaleIntercept")
    intercept = group.numbers("PixelValueTransformationSequence", "RescaleIntercept", 1)
    if base and intercept is None:
        assumed.append(f"tells {base[0]!r} as its rescale intercept; 0 is assumed")
    return (slope or (1.0,))[0], (intercept or (0.0,))[0]


def _joined(values: tuple[float, ...]) -> str:
    return "\\".join(f"{value:g}" for value in values)
