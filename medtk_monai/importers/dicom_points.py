"""Where the pixels of DICOM slices lie in the patient, from headers alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.errors import DataError, import_extra
from medtk_monai.importers.files import listed


@dataclass(frozen=True)
class SliceGeometry:
    """One slice.

    Args:
        origin: (3,) center of its first pixel, LPS mm.
        direction: (3, 3), unit columns: along its rows (over the columns), down its columns, and their normal.
        spacing: mm between columns, and between rows.
    """

    origin: np.ndarray
    direction: np.ndarray
    spacing: tuple[float, float]

    def place(self, x: float, y: float) -> list[float]:
        """Column and row, from 0 at pixel centers -> LPS mm."""
        return (self.origin + self.direction[:, 0] * self.spacing[0] * x + self.direction[:, 1] * self.spacing[1] * y).tolist()


def patient_id(folder: Path) -> str:
    """The PatientID of a folder's first file, "" if it has none."""
    return str(_header(listed(folder, "*.dcm")[0], folder.name, ["PatientID"]).get("PatientID", "") or "").strip()


def find_slice(folder: Path, uid: str) -> Path:
    """The file of a slice: files are mostly named after their SOPInstanceUID; if not, all headers are looked at.

    Raises:
        DataError: no file is of this slice.
    """
    files = sorted(listed(folder, "*.dcm"), key=lambda path: path.stem != uid)
    for path in files:
        if str(_header(path, folder.name, ["SOPInstanceUID"]).get("SOPInstanceUID", "")) == uid:
            return path
    raise DataError(f"{folder} has no file of slice {uid}", folder.name, "download the series again, or remove its localizer")


def read_geometry(path: Path, frame: int | None, case: str) -> SliceGeometry:
    """The geometry of a file of one slice, or of a frame, from 0, of a file of several.

    Raises:
        DataError: the file cannot be read, has no such frame, or does not tell.
    """
    header = _header(path, case)
    try:
        groups = _frame_groups(header, frame, path, case)
        position = _look_up("ImagePositionPatient", "PlanePositionSequence", groups)
        orientation = np.array(_look_up("ImageOrientationPatient", "PlaneOrientationSequence", groups), dtype=np.float64)
        between_rows, between_columns = (float(value) for value in _look_up("PixelSpacing", "PixelMeasuresSequence", groups))
        origin = np.array(position, dtype=np.float64).reshape(3)
        rows, columns = orientation.reshape(2, 3)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} does not tell where its slice lies: {error}", case, "remove the series") from error
    return SliceGeometry(origin, np.stack([rows, columns, np.cross(rows, columns)], axis=1), (between_columns, between_rows))


def _frame_groups(header: Any, frame: int | None, path: Path, case: str) -> list[Any]:
    """Where to look for a value: the groups of the frame, those that all frames share, and the header itself."""
    frames = header.get("PerFrameFunctionalGroupsSequence")
    if frames is None:
        return [header]
    if frame is None or not 0 <= frame < len(frames):
        raise DataError(f"{path} has {len(frames)} frames, the localizer names {frame}", case, "give one from 0 as 'f'")
    return [frames[frame], *(header.get("SharedFunctionalGroupsSequence") or []), header]


def _look_up(name: str, sequence: str, groups: list[Any]) -> Any:
    for group in groups:
        if sequence in group and name in group[sequence][0]:
            return group[sequence][0][name].value
        if name in group:
            return group[name].value
    raise KeyError(f"no {name}")


def _header(path: Path, case: str, tags: list[str] | None = None) -> Any:
    pydicom = import_extra("pydicom", "dicom")
    try:
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags)
    except Exception as error:
        raise DataError(f"cannot read the header of {path}: {error}".splitlines()[0], case, "download the series again") from error
