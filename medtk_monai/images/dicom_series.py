"""A folder of DICOM slices as one volume, checked before its geometry is believed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import itk
import numpy as np
from monai.config import PathLike
from monai.data import ImageReader, ITKReader

from medtk_monai.errors import DataError
from medtk_monai.images.dicom_files import is_dicom_image

_SPACING_TOLERANCE = 0.05
"""Share by which the distances of neighboring slices may differ."""
_ANGLE_TOLERANCE = 1e-3
_SAME_POSITION_MM = 1e-3
_SHIFT_TOLERANCE_MM = 0.1


class DicomSeriesReader(ImageReader):
    """Reads a folder that holds one DICOM series, or a single DICOM file, for MONAI's LoadImage: slices by position, affine in RAS.

    Neither file names nor instance numbers tell the order of the slices, which is that of their positions along the normal.

    Raises:
        DataError: see ``series_files``.
    """

    def __init__(self) -> None:
        self._itk = ITKReader()

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        return True

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> Any:
        path = Path(str(data if isinstance(data, (str, Path)) else data[0]))  # type: ignore[index]
        files = series_files(path) if path.is_dir() else [str(path)]
        return itk.imread(files if len(files) > 1 else files[0], **kwargs)

    def get_data(self, img: Any) -> tuple[np.ndarray, dict]:
        return self._itk.get_data(img)


def find_series(folder: str | Path) -> dict[str, list[str]]:
    """The DICOM images directly in a folder, without reports and segmentations of them: SeriesInstanceUID -> files."""
    names = itk.GDCMSeriesFileNames.New()
    names.SetUseSeriesDetails(False)
    names.SetRecursive(False)
    names.SetDirectory(str(folder))
    series = {str(uid).rstrip("."): [str(name) for name in names.GetFileNames(uid)] for uid in names.GetSeriesUIDs()}
    images = {uid: [name for name in files if is_dicom_image(name)] for uid, files in series.items()}
    return {uid: files for uid, files in images.items() if files}


def series_files(folder: str | Path) -> list[str]:
    """The files of the one DICOM series in a folder, ordered by slice position.

    Raises:
        DataError: there is no series or more than one; slices are missing, doubled, or not parallel.
    """
    series = find_series(folder)
    if len(series) != 1:
        known = ", ".join(f"{uid} ({len(files)} files)" for uid, files in sorted(series.items())) or "none"
        remedy = "put each series into a folder of its own" if series else "give the folder that holds the slices"
        raise DataError(f"folder {folder} holds {len(series)} DICOM series: {known}", remedy=remedy)
    (files,) = series.values()
    places = [_place(path) for path in files]
    problem = _find_gap(places)
    if problem:
        raise DataError(f"DICOM series in {folder}: {problem}", remedy="export the whole series again, one time point and one echo")
    heights = _heights(places)
    return [files[index] for index in np.argsort(heights)]


def _place(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Position and directions (columns) of a slice in the patient, mm."""
    header = itk.GDCMImageIO.New()
    header.SetFileName(path)
    header.ReadImageInformation()
    return np.array([header.GetOrigin(axis) for axis in range(3)]), np.array([header.GetDirection(axis) for axis in range(3)]).T


def _heights(places: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Positions (N,) of slices along the normal of the first, mm."""
    return np.array([origin @ places[0][1][:, 2] for origin, _ in places])


def _find_gap(places: Sequence[tuple[np.ndarray, np.ndarray]]) -> str | None:
    """What keeps slices from being a regular stack, if anything."""
    if len(places) < 2:
        return None
    if max(np.abs(direction - places[0][1]).max() for _, direction in places) > _ANGLE_TOLERANCE:
        return "its slices are not parallel"
    offsets, normal = np.array([origin for origin, _ in places]) - places[0][0], places[0][1][:, 2]
    shift = float(np.linalg.norm(offsets - np.outer(offsets @ normal, normal), axis=1).max())
    if shift > _SHIFT_TOLERANCE_MM:
        return f"its slices are shifted against each other by up to {shift:.1f} mm, as by a tilted gantry: resample it to a straight volume"
    gaps = np.diff(np.sort(_heights(places)))
    usual = float(np.median(gaps))
    if gaps.min() < _SAME_POSITION_MM:
        return "several slices have one position"
    wide = np.flatnonzero(np.abs(gaps - usual) > _SPACING_TOLERANCE * usual)
    if len(wide):
        number, gap = int(wide[0]), float(gaps[wide[0]])
        return f"slices {number + 1} and {number + 2} of {len(places)} are {gap:.2f} mm apart, the others {usual:.2f} mm: one is missing"
    return None
