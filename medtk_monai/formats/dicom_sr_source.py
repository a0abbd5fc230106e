"""What a DICOM report takes over from its series: what it may say, so that no odd header keeps it from being written."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom import DataElement, Dataset, config
from pydicom.datadict import dictionary_VR
from pydicom.tag import Tag
from pydicom.uid import UID, SecondaryCaptureImageStorage, generate_uid
from pydicom.valuerep import DA, TM

from medtk_monai.errors import DataError
from medtk_monai.images.dicom_frames import DicomFile, Frame, read_dicom_file

_OF_EVERY_STUDY = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate", "StudyTime",
)  # fmt: skip
"""May be empty, but highdicom wants them to be there; anonymization often removes them."""
_IF_TOLD = ("ReferringPhysicianName", "IssuerOfPatientID", "StudyDescription", "PatientAge", "PatientSize", "PatientWeight")
_OF_THE_SERIES = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
_SEXES, _MODALITIES = ("", "M", "F", "O"), ("CT", "MR", "PT")
_UNICODE = "ISO_IR 192"
_REMEDY = "give the files of the DICOM series that the case was found in"


@dataclass(frozen=True)
class ReportSource:
    """A series as a report refers to it.

    Args:
        headers: of its files, with elements that are valid.
        frames: of its files, for each a list.
        shown: whether the files tell all that an image library says of a slice.
        replaced: what the series does not tell, or not validly, and what the report says instead.
    """

    headers: list[Dataset]
    frames: list[tuple[Frame, ...]]
    shown: bool
    replaced: tuple[str, ...]


def read_source(files: Sequence[str | Path], case: str) -> ReportSource:
    """The headers of one series.

    Raises:
        DataError: there is no file, one is no DICOM image, or they are of several series or frames of reference.
    """
    if not len(files):
        raise DataError("no DICOM files are given", case, _REMEDY)
    replaced: list[str] = []
    known = [_read(Path(path), case) for path in files]
    told = [_told(data) for _, data in known]
    for name in _OF_THE_SERIES:
        if len(values := {uids[name] for uids in told if uids[name]}) > 1:
            raise DataError(f"the DICOM files have {len(values)} values of {name}", case, _REMEDY)
        if not all(uids[name] for uids in told):
            replaced.append(f"{name} is missing or not valid" + ("" if values else ", and the report has one of its own"))
        told = [uids | {name: value} for value in [next(iter(values), generate_uid())] for uids in told]
    missing = sum(not uids["SOPInstanceUID"] for uids in told)
    if missing:
        replaced.append(
            f"{missing} of {len(files)} files have no valid SOPInstanceUID, and no archive knows those that the report refers to"
        )
    study, more = _study(known[0][1])
    headers = [_header(file, uids, study) for (file, _), uids in zip(known, told)]
    shown = all(len(file.frames) == 1 and file.is_slice and file.frames[0].position is not None and not file.assumed for file, _ in known)
    return ReportSource(headers, [file.frames for file, _ in known], shown, (*replaced, *more))


def _read(path: Path, case: str) -> tuple[DicomFile, Dataset]:
    try:
        file = read_dicom_file(path)
        tags = (*_OF_EVERY_STUDY, *_IF_TOLD, *_OF_THE_SERIES, "SOPInstanceUID", "SOPClassUID", "Modality", "SpecificCharacterSet")
        data = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(tags))
    except Exception as error:
        raise DataError(f"{path} is no DICOM file: {type(error).__name__}: {error}".splitlines()[0], case, _REMEDY) from error
    if file is None:
        raise DataError(f"{path} holds no image", case, _REMEDY)
    return file, data


def _told(data: Dataset) -> dict[str, str]:
    """Keyword -> UID, "" where there is no valid one."""
    names = (*_OF_THE_SERIES, "SOPInstanceUID", "SOPClassUID")
    uids = {name: _text(data, name).strip() for name in names}
    return {name: uid if uid and UID(uid, validation_mode=config.IGNORE).is_valid else "" for name, uid in uids.items()}


def _text(data: Dataset, keyword: str) -> str:
    """An element in Unicode; "" if it is missing or cannot be decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = data.get(keyword, "")
            return (
                ""
                if value is None
                else "\\".join(map(str, value))
                if isinstance(value, (list, pydicom.multival.MultiValue))
                else str(value)
            )
    except Exception:  # pydicom raises errors of many kinds over broken values
        return ""


def _study(data: Dataset) -> tuple[Dataset, tuple[str, ...]]:
    """Patient and study, with what is left out as it is not valid."""
    study, left_out = Dataset(), []
    for keyword in (*_OF_EVERY_STUDY, *_IF_TOLD):
        text = _text(data, keyword)
        if not _is_valid(keyword, text):
            left_out.append(f"{keyword} is not valid, and is left out")
            text = ""
        if text or keyword in _OF_EVERY_STUDY:
            setattr(study, keyword, text)
    return study, tuple(left_out)


def _is_valid(keyword: str, text: str) -> bool:
    kind = dictionary_VR(keyword)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            DataElement(Tag(keyword), kind, text, validation_mode=config.RAISE)
            {"DA": DA, "TM": TM}.get(kind, str)(text)
    except (ValueError, TypeError, UserWarning, OverflowError):
        return False
    return keyword != "PatientSex" or text in _SEXES


def _header(file: DicomFile, uids: dict[str, str], study: Dataset) -> Dataset:
    """Of a file, for the evidence and the image library of a report."""
    header, frame = Dataset(), file.frames[0]
    header.update(study)
    header.SpecificCharacterSet = _UNICODE
    for name, uid in uids.items():
        setattr(header, name, uid or (SecondaryCaptureImageStorage if name == "SOPClassUID" else generate_uid()))
    header.Modality = file.modality if file.modality in _MODALITIES else "OT"
    header.Columns, header.Rows = frame.size
    header.PixelSpacing, header.SliceThickness = [frame.spacing[1], frame.spacing[0]], file.thickness
    header.ImageOrientationPatient, header.ImagePositionPatient = list(frame.orientation), list(frame.position or (0.0, 0.0, 0.0))
    return header


def corners_of(frame: Frame) -> np.ndarray:
    """(4, 3) centers of the outermost pixels of a frame with a position, LPS mm."""
    right = np.array(frame.orientation[:3]) * frame.spacing[0] * (frame.size[0] - 1)
    down = np.array(frame.orientation[3:]) * frame.spacing[1] * (frame.size[1] - 1)
    return np.array(frame.position) + np.stack([0 * right, right, down, right + down])
