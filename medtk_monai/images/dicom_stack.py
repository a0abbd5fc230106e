"""Frames of DICOM files as one straight, evenly spaced stack, or what keeps them from being one, by the names of files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from medtk_monai.images.dicom_frames import Frame

_SPACING_TOLERANCE = 0.05
"""Share by which the distances of neighboring slices may differ."""
_WIDE = 1.5
"""Usual distances from which on a slice is missing."""
_ANGLE_TOLERANCE = 1e-3
_PIXEL_TOLERANCE = 1e-3
"""Share by which the sizes of pixels may differ."""
_SAME_POSITION_MM = 1e-3
_SHIFT_TOLERANCE_MM = 0.1
_NAMED = 3
"""So many files are named, the others are counted."""


@dataclass(frozen=True)
class Problem:
    """Why frames are no stack.

    Args:
        what: after "DICOM series in FOLDER: ".
        remedy: what a user can do.
    """

    what: str
    remedy: str


def find_odd_frames(frames: Sequence[Frame], localizers: Sequence[Frame] = ()) -> Problem | None:
    """What keeps frames from lying on parallel grids of one size, if anything.

    Args:
        frames: of a series, one or more.
        localizers: those of them that call themselves so.
    """
    directions = np.array([frame.orientation for frame in frames])
    spacings, sizes = np.array([frame.spacing for frame in frames]), np.array([frame.size for frame in frames])
    reasons = (
        (directions, _ANGLE_TOLERANCE, lambda frame: "is not parallel to"),
        (sizes, 0, lambda frame: f"has {frame.size[0]} x {frame.size[1]} pixels, unlike"),
        (np.log(spacings), _PIXEL_TOLERANCE, lambda frame: f"has pixels of {frame.spacing[0]:g} x {frame.spacing[1]:g} mm, unlike"),
    )
    for values, tolerance, words in reasons:
        groups = _alike(values, tolerance)
        if len(groups) == 1:
            continue
        usual = max(groups, key=len)
        odd = [frames[index] for group in groups if group is not usual for index in group]
        if len(usual) <= len(odd):
            counts = ", ".join(str(len(group)) for group in sorted(groups, key=len, reverse=True)[:_NAMED])
            what = "its slices are not parallel" if values is directions else "its slices are not of one size"
            return Problem(
                f"{what}: groups of {counts}{', ...' if len(groups) > _NAMED else ''}", "put each stack into a folder of its own"
            )
        kind = " (a localizer)" if odd[0] in localizers else ""
        more = "" if len(odd) == 1 else f", nor are {len(odd) - 1} more" if values is directions else f", and so are {len(odd) - 1} more"
        what = f"{name_of(odd[0], frames)}{kind} {words(odd[0])} the other {len(usual)} slices{more}"
        return Problem(what, "move what does not belong to the stack out of the folder")
    return None


def _alike(values: np.ndarray, tolerance: float) -> list[list[int]]:
    """Indices of rows (N, K) in groups that differ from their first by no more than ``tolerance``."""
    groups, left = [], np.arange(len(values))
    while len(left):
        near = np.abs(values[left] - values[left[0]]).max(axis=1) <= tolerance
        groups.append(left[near].tolist())
        left = left[~near]
    return groups


def find_unplaced(frames: Sequence[Frame]) -> Problem | None:
    """Which of several frames tell no place, if any; a frame alone needs none."""
    without = [frame for frame in frames if frame.position is None]
    if not without or len(frames) == 1 or (len(without) == len(frames) and all(frame.location is not None for frame in frames)):
        return None
    names = ", ".join(name_of(frame, frames) for frame in without[:_NAMED])
    names += f" and {len(without) - _NAMED} more" if len(without) > _NAMED else ""
    return Problem(f"{names} of {len(frames)} slices: no position (ImagePositionPatient)", "export the whole series again")


def placed(frames: Sequence[Frame]) -> tuple[list[Frame], str]:
    """Frames with positions, and what was taken for those that are not told; "" if all are."""
    if all(frame.position is not None for frame in frames):
        return list(frames), ""
    if len(frames) == 1:
        return [replace(frames[0], position=(0.0, 0.0, 0.0))], "tells no position (ImagePositionPatient); 0, 0, 0 mm is assumed"
    taken = [replace(frame, position=tuple((frame.normal * (frame.location or 0.0)).tolist())) for frame in frames]
    return taken, "tells no position (ImagePositionPatient); SliceLocation is taken, and 0 mm assumed along rows and columns"


def heights(frames: Sequence[Frame]) -> np.ndarray:
    """Positions (N,) of placed frames along the normal of the first, mm."""
    return _positions(frames) @ frames[0].normal


def _positions(frames: Sequence[Frame]) -> np.ndarray:
    return np.array([frame.position for frame in frames], dtype=np.float64)


def find_gap(frames: Sequence[Frame]) -> Problem | None:
    """What keeps parallel, placed frames, ordered by their heights, from being a straight and evenly spaced stack, if anything."""
    if len(frames) < 2:
        return None
    offsets, normal = _positions(frames) - frames[0].position, frames[0].normal
    shift = float(np.linalg.norm(offsets - np.outer(offsets @ normal, normal), axis=1).max())
    if shift > _SHIFT_TOLERANCE_MM:
        what = f"its slices are shifted against each other by up to {shift:.1f} mm, as by a tilted gantry"
        return Problem(what, "resample it to a straight volume")
    gaps = np.diff(offsets @ normal)
    if gaps.min() < _SAME_POSITION_MM:
        pairs = np.flatnonzero(gaps < _SAME_POSITION_MM).tolist()
        first = f"{name_of(frames[pairs[0]], frames)} and {name_of(frames[pairs[0] + 1], frames)}"
        more = f", and {len(pairs) - 1} more pairs" if len(pairs) > 1 else ""
        return Problem(f"several slices have one position: {first}{more}", "keep one time point and one echo of it")
    usual = float(np.median(gaps))
    uneven = np.flatnonzero(np.abs(gaps - usual) > _SPACING_TOLERANCE * usual)
    if not len(uneven):
        return None
    at = int(uneven[0])
    between = f"{name_of(frames[at], frames)} and {name_of(frames[at + 1], frames)}"
    what = f"slices {at + 1} and {at + 2} of {len(frames)} are {gaps[at]:.2f} mm apart, the others {usual:.2f} mm"
    is_missing = gaps[at] > _WIDE * usual
    reason = f"one is missing between {between}" if is_missing else f"they are not evenly spaced between {between}"
    return Problem(f"{what}: {reason}", "export the whole series again" if is_missing else "resample it to even distances")


def affine_of(frames: Sequence[Frame], thickness: float) -> np.ndarray:
    """(4, 4) from voxel centers to RAS mm, of a stack; ``thickness`` is that of a slice alone, mm."""
    first = frames[0]
    reach = heights(frames)
    step = (reach[-1] - reach[0]) / (len(frames) - 1) if len(frames) > 1 else thickness
    affine = np.eye(4)
    affine[:3, 0] = np.array(first.orientation[:3]) * first.spacing[0]
    affine[:3, 1] = np.array(first.orientation[3:]) * first.spacing[1]
    affine[:3, 2], affine[:3, 3] = first.normal * step, first.position
    affine[:2] *= -1  # LPS to RAS
    return affine + 0.0


def name_of(frame: Frame, frames: Sequence[Frame]) -> str:
    """A frame by the name of its file, or by its number in the one file of all frames."""
    return frame.path.name if any(other.path != frame.path for other in frames) else f"frame {frame.index + 1}"
