"""A folder of DICOM slices, or a file of many, as one stack that is checked before its geometry is believed."""

from __future__ import annotations

import filecmp
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from medtk_monai.errors import DataError
from medtk_monai.images.dicom_files import is_dicom_image
from medtk_monai.images.dicom_frames import DicomFile, Frame, read_dicom_file
from medtk_monai.images.dicom_stack import Problem, affine_of, find_gap, find_odd_frames, find_unplaced, heights, placed

logger = logging.getLogger(__name__)
_NAMED = 3
"""So many series are named, the others are counted."""


@dataclass(frozen=True)
class DicomStack:
    """Slices that make a volume.

    Args:
        frames: in the order of their positions.
        affine: (4, 4), voxel centers -> RAS mm.
        is_color: they have several numbers for each pixel.
        assumed: what the files do not tell, and what was taken instead.
    """

    frames: tuple[Frame, ...]
    affine: np.ndarray
    is_color: bool
    assumed: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int, int]:
        return (*self.frames[0].size, len(self.frames))


def read_stack(path: str | Path) -> DicomStack:
    """The stack in a folder that holds one series, or in a single file; no pixels are read.

    Headers are read once for all who ask one after another, unless a file changes.

    Raises:
        DataError: there is no series or more than one; slices are missing, doubled, or not parallel.
    """
    return _stack_as_it_is(Path(path), _state(Path(path)))


def _state(path: Path) -> tuple:
    """What changes when files do."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return tuple((file.name, stat.st_size, stat.st_mtime_ns, stat.st_ino) for file in files if file.is_file() for stat in [file.stat()])


@lru_cache(maxsize=1)
def _stack_as_it_is(path: Path, state: tuple) -> DicomStack:
    if path.is_dir():
        return _stack(_one_series(path), f"DICOM series in {path}")
    file = read_dicom_file(path)
    if file is None:
        raise DataError(f"{path} holds no image", remedy="give a DICOM image")
    return _stack([file], f"DICOM file {path}")


def series_files(path: str | Path) -> list[str]:
    """The files of the one DICOM series in a folder, ordered by slice position; of a single file, itself.

    Raises:
        DataError: see ``read_stack``.
    """
    return list(dict.fromkeys(str(frame.path) for frame in read_stack(path).frames))


def find_series(folder: str | Path) -> dict[str, list[DicomFile]]:
    """The DICOM images directly in a folder, without reports and segmentations of them: SeriesInstanceUID -> headers.

    Raises:
        DataError: a file cannot be read.
    """
    paths = [path for path in sorted(Path(folder).iterdir()) if path.is_file() and not path.name.startswith(".")]
    series: dict[str, list[DicomFile]] = {}
    for path in paths:
        file = read_dicom_file(path) if path.name != "DICOMDIR" and is_dicom_image(path) else None
        if file is not None:
            series.setdefault(file.series, []).append(file)
    return series


def _one_series(folder: Path) -> list[DicomFile]:
    """The files of the one series in a folder, each once."""
    series = find_series(folder)
    if len(series) == 1:
        (files,) = series.values()
        return _without_copies(files)
    counts = Counter(len(files) for files in series.values())
    named = [f"{uid or 'without a uid'} ({len(files)} file{'s' * (len(files) != 1)})" for uid, files in sorted(series.items())]
    if not series:
        known, remedy = ": none", "give the folder that holds the slices"
    elif len(series) <= _NAMED:
        known, remedy = f": {', '.join(named)}", "put each series into a folder of its own"
    elif set(counts) == {1}:
        known, remedy = f" of 1 file each, the first {min(series)}", "give the slices of one series one SeriesInstanceUID, or convert them"
    else:
        known = f": {', '.join(named[:_NAMED])} and {len(named) - _NAMED} more"
        remedy = "put each series into a folder of its own"
    raise DataError(f"folder {folder} holds {len(series)} DICOM series{known}", remedy=remedy)


def _without_copies(files: Sequence[DicomFile]) -> list[DicomFile]:
    """Files without those that are equal to another, byte by byte, which are told of."""
    kept: list[DicomFile] = []
    known: dict[tuple, list[DicomFile]] = {}
    for file in files:
        alike = known.setdefault((file.uid, file.frames[0].position), [])
        twin = next((other for other in alike if filecmp.cmp(file.path, other.path, shallow=False)), None)
        if twin is not None:
            logger.warning("%s is a copy of %s, and is left out", file.path, twin.path.name)
            continue
        alike.append(file)
        kept.append(file)
    return kept


def _stack(files: Sequence[DicomFile], where: str) -> DicomStack:
    frames, assumed = [frame for file in files for frame in file.frames], _assumed(files)
    _refuse(find_odd_frames(frames, [frame for file in files if file.is_localizer for frame in file.frames]), where, assumed)
    if len({file.is_color for file in files}) > 1:
        raise DataError(f"{where}: some files are in color, and others are not", remedy="put them into folders of their own")
    _refuse(find_unplaced(frames), where, assumed)
    frames, taken = placed(frames)
    if taken and (len(frames) > 1 or files[0].is_slice):
        assumed = (*assumed, taken)
    frames = [frames[index] for index in np.argsort(heights(frames), kind="stable")]
    _refuse(find_gap(frames), where, assumed)
    return DicomStack(tuple(frames), affine_of(frames, files[0].thickness), files[0].is_color, assumed)


def _assumed(files: Sequence[DicomFile]) -> tuple[str, ...]:
    """What files do not tell, with the first of those that do not if others do."""
    first: dict[str, DicomFile] = {}
    counts = Counter(clause for file in files for clause in file.assumed)
    for file in files:
        first = dict.fromkeys(file.assumed, file) | first
    among = {clause: f" ({counts[clause]} of {len(files)} files, as {file.path.name})" for clause, file in first.items()}
    return tuple(clause + (among[clause] if counts[clause] < len(files) else "") for clause in first)


def _refuse(problem: Problem | None, where: str, assumed: Sequence[str]) -> None:
    if problem is not None:
        beside = f" (a file {'; and '.join(assumed)})" if assumed else ""
        raise DataError(f"{where}: {problem.what}{beside}", remedy=problem.remedy)
