"""NIfTI files, alone or as a pair of header and voxels: geometry as nibabel and viewers tell it, in millimeters."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from math import isfinite, prod
from pathlib import Path
from typing import Any, BinaryIO

import nibabel as nib
import numpy as np

from medtk_monai.images.arrays import Scale, stack_planes
from medtk_monai.images.header import Header, make_header
from medtk_monai.images.streams import check_expected, open_unpacked, read_array, read_to_end, skip

_SINGLE = {348: nib.nifti1.Nifti1Header, 540: nib.nifti2.Nifti2Header}
_PAIR = {348: nib.nifti1.Nifti1PairHeader, 540: nib.nifti2.Nifti2PairHeader}
"""By the bytes of a header, which are its first number."""
_LONGEST_HEADER = 540
_MAGICS = (b"n+1", b"ni1", b"n+2", b"ni2")
_MAGIC_AT = {348: 344, 540: 4}
_UNIT_BITS = 0x07
_MM_OF_UNIT = {1: 1000.0, 3: 0.001}
"""Code of xyzt_units -> mm; all others are taken for mm, as most files without a unit are."""
_COLORS = ("R", "G", "B")
_NEAR_ONE = 1e-6
"""By which a slope may differ from 1 and yet mean none, in a file of numbers that name objects."""
_QUATERNION_SLACK = 1e-4
_QUIET = logging.getLogger(f"{__name__}.header")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


@dataclass(frozen=True)
class _Parsed:
    """A header: as it is in the file, and with what nibabel mends in it."""

    stated: Any
    mended: Any
    length: int

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(map(int, self.mended.get_data_shape()))


def is_nifti_pair(path: Path) -> bool:
    """Whether a .hdr or .img file is of NIfTI, other than Analyze, by the mark in its header."""
    header = _header_file(path)
    if not header.is_file():
        return False
    with open_unpacked(header) as stream:
        block = stream.read(_LONGEST_HEADER)
    return any(block[at : at + 3] in _MAGICS for at in _MAGIC_AT.values())


def nifti_header(path: Path) -> Header:
    """Size, affine and channels, and what the header does not tell.

    The affine is the sform if it is set, else the qform, else what pixdim tells of the spacing, which is told as assumed.

    Raises:
        ValueError: the file is none of NIfTI, or a field that is needed is impossible.
    """
    with open_unpacked(_header_file(path)) as stream:
        parsed = _parse(stream, _is_pair(path))
    size, channels = _layout(parsed)
    unit = _MM_OF_UNIT.get(int(parsed.stated["xyzt_units"]) & _UNIT_BITS, 1.0)
    affine = np.diag([unit, unit, unit, 1.0]) @ _best_affine(parsed.mended)
    return make_header(size, affine, channels, _assumed(parsed), parsed.mended.get_data_dtype().itemsize == 1)


def nifti_voxels(path: Path, as_labels: bool) -> np.ndarray:
    """The voxels (C, *spatial), scaled as the header says; of a packed file, its checksum is compared.

    Args:
        as_labels: numbers stay as exact as the file has them; otherwise they become float32.

    Raises:
        ValueError: the file is damaged, or its header is no header of NIfTI.
    """
    parsed, raw = _read_file(path)
    size, channels = _layout(parsed)
    scale = _scale(parsed, as_labels and raw.dtype.kind in "iu")
    planes = [raw[name] for name in raw.dtype.names[:3]] if raw.dtype.names else np.split(raw, channels)
    exact = planes[0].dtype.newbyteorder("=") if scale is None else np.float64
    return stack_planes([plane.reshape(size, order="F") for plane in planes], size, exact if as_labels else np.float32, scale)


def _read_file(path: Path) -> tuple[_Parsed, np.ndarray]:
    """The header, and all numbers (N,) in the type and order of the file."""
    with open_unpacked(_header_file(path)) as stream:
        parsed = _parse(stream, _is_pair(path))
        if not _is_pair(path):
            return parsed, _read_raw(stream, path, parsed, parsed.mended.get_data_offset() - parsed.length)
    file = _voxel_file(path)
    with open_unpacked(file) as stream:
        return parsed, _read_raw(stream, file, parsed, parsed.mended.get_data_offset())


def _is_pair(path: Path) -> bool:
    return path.suffix.lower() in (".hdr", ".img")


def _header_file(path: Path) -> Path:
    return _beside(path, ".hdr") if path.suffix.lower() == ".img" else path


def _voxel_file(path: Path) -> Path:
    return _beside(path, ".img") if path.suffix.lower() == ".hdr" else path


def other_of_pair(path: Path) -> list[Path]:
    """The voxels that belong to a header, or the other way round, there or not; none for a file that is no part of a pair."""
    return [other for other in (_header_file(path), _voxel_file(path)) if other != path]


def _beside(path: Path, suffix: str) -> Path:
    """The other file of a pair, whose suffix is written as that of the first."""
    return path.with_suffix(suffix.upper() if path.suffix.isupper() else suffix)


def _parse(stream: BinaryIO, pair: bool) -> _Parsed:
    start, classes = stream.read(4), _PAIR if pair else _SINGLE
    length = next((size for size in classes if size in (int.from_bytes(start, "little"), int.from_bytes(start, "big"))), 0)
    if len(start) < 4 or not length:
        raise ValueError("it is no NIfTI file: its first number is not the size of a header")
    block = start + stream.read(length - 4)
    if len(block) < length:
        raise ValueError(f"it ends within its header, after {len(block)} bytes")
    stated = classes[length](block, check=False)
    mended = stated.copy()
    mended.check_fix(logger=_QUIET, error_level=40)
    return _Parsed(stated, mended, length)


def _layout(parsed: _Parsed) -> tuple[tuple[int, ...], int]:
    """Spatial size and channels: the axes behind the third, of which one at most may be longer than 1, are channels."""
    shape, dtype = parsed.shape, parsed.mended.get_data_dtype()
    behind = [length for length in shape[3:] if length != 1]
    if len(behind) > 1 or (behind and dtype.names):
        raise ValueError(f"its voxels have the shape {shape}: choose one of its volumes")
    if min(shape, default=0) < 1 or len(shape) < 2:
        raise ValueError(f"its voxels have the shape {shape}")
    if dtype.names:
        return shape[:3], len(_COLORS)
    return shape[:3], behind[0] if behind else 1


def _read_raw(stream: BinaryIO, path: Path, parsed: _Parsed, ahead: int) -> np.ndarray:
    """The numbers of a file (N,) that follow ``ahead`` bytes, in its own type; the stream is read to its end."""
    dtype, count = parsed.mended.get_data_dtype(), prod(parsed.shape)
    if dtype.kind == "c":
        raise ValueError("its voxels are complex numbers: write their magnitude")
    check_expected(path, count * dtype.itemsize)
    skip(stream, ahead)
    raw = read_array(stream, count, dtype)
    read_to_end(stream)
    return raw


def _best_affine(header: Any) -> np.ndarray:
    """The sform if it is set, else the qform, else what pixdim tells; a quaternion a hair too long is one of the right length."""
    parts = [header[f"quatern_{name}"] for name in "bcd"]
    square = float(np.square(np.array(parts, np.float64)).sum())
    if 1 < square < 1 + _QUATERNION_SLACK:
        header = header.copy()
        for name, part in zip("bcd", parts):
            header[f"quatern_{name}"] = part / np.sqrt(square)
    return header.get_best_affine()


def _scale(parsed: _Parsed, of_whole_labels: bool) -> Scale:
    """Slope and intercept; None for numbers that are taken as they are."""
    slope, intercept = parsed.mended.get_slope_inter()
    if slope is None or (slope, intercept) == (1, 0):
        return None
    return None if of_whole_labels and abs(slope - 1) < _NEAR_ONE and abs(intercept) < _NEAR_ONE else (slope, intercept)


def _assumed(parsed: _Parsed) -> list[str]:
    stated, dims = parsed.stated, min(len(parsed.shape), 3)
    spacing = stated["pixdim"][1 : 1 + dims].astype(float)
    told = []
    if stated["sform_code"] <= 0:
        if stated["qform_code"] <= 0:
            told.append("tells neither sform nor qform; axes to the left, front and head around the center of the scan are assumed")
        if not (np.isfinite(spacing) & (spacing != 0)).all():
            told.append(f"tells a spacing of {' x '.join(f'{value:g}' for value in spacing)}; 1 mm is assumed for each that is none")
    if "scl_slope" in stated and not isfinite(stated["scl_slope"]):
        told.append(f"tells a slope of {stated['scl_slope']:g}; its numbers are taken unscaled")
    return told
