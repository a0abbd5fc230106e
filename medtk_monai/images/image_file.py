"""The kinds of image files: each is chosen once, by rules of ours, for its header and for its voxels."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from torch import Tensor

from medtk_monai.errors import DataError, find_data_error
from medtk_monai.images.dicom import dicom_header, dicom_voxels
from medtk_monai.images.dicom_files import dicom_class
from medtk_monai.images.header import Header, make_header
from medtk_monai.images.itk_files import itk_header, itk_voxels
from medtk_monai.images.nifti import is_nifti_pair, nifti_header, nifti_voxels
from medtk_monai.images.pictures import picture_header, picture_voxels
from medtk_monai.images.tiff import tiff_header, tiff_voxels

_FLOAT_BYTES = 4
_CODE = re.compile(r"^\S+\.(h|hxx|cxx|cpp|txx):\d+:?$")
"""A line that tells a place in the code of ITK."""


@dataclass(frozen=True)
class Kind:
    """A kind of image files.

    Args:
        holds: whether a file is of it; asked in the order of ``KINDS``, with its name in small letters.
        header: of a file.
        voxels: (C, *spatial) of a file, on the grid of its header; float32, or for a label map (True) numbers as the file has them.
    """

    holds: Callable[[Path, str], bool]
    header: Callable[[Path], Header]
    voxels: Callable[[Path, bool], np.ndarray]


def _by_suffix(*suffixes: str) -> Callable[[Path, str], bool]:
    return lambda path, name: name.endswith(suffixes)


def _is_dicom(path: Path, name: str) -> bool:
    return path.is_dir() or name.endswith(".dcm") or dicom_class(path) is not None


def _dicom_header(path: Path) -> Header:
    size, affine, assumed = dicom_header(path)
    return make_header(size, affine, assumed=assumed)


def _dicom_voxels(path: Path, as_labels: bool) -> np.ndarray:
    voxels = dicom_voxels(path)
    return voxels[None] if voxels.ndim == 3 else voxels


KINDS = (
    Kind(_by_suffix(".nii", ".nii.gz"), nifti_header, nifti_voxels),
    Kind(lambda path, name: name.endswith((".hdr", ".img")) and is_nifti_pair(path), nifti_header, nifti_voxels),
    Kind(_by_suffix(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"), picture_header, picture_voxels),
    Kind(_by_suffix(".tif", ".tiff"), tiff_header, tiff_voxels),
    Kind(_is_dicom, _dicom_header, _dicom_voxels),
    Kind(lambda path, name: True, itk_header, itk_voxels),
)


def kind_of(path: Path) -> Kind:
    """The kind of an image file, or of a folder of DICOM files."""
    name = path.name.lower()
    return next(kind for kind in KINDS if kind.holds(path, name))


def read_header(path: str | os.PathLike, case: str = "", role: str = "image") -> Header:
    """What an image file tells of itself.

    Args:
        path: of the file, or the folder of a DICOM series.
        case: id, for messages, as is ``role``.

    Raises:
        DataError: the file cannot be read as an image.
    """
    path = Path(path)
    try:
        return kind_of(path).header(path)
    except Exception as error:
        remedy = "copy the file again, or remove it, if it is an image; those are .nii.gz, .mha, .nrrd or .png files, for example"
        raise _as_data_error(error, f"cannot read the header of {role} {path}", case, remedy) from error


def read_image(path: str | os.PathLike, case: str = "") -> tuple[MetaTensor, Header]:
    """An image as a float32 MetaTensor (C, *spatial), and its header, whose affine it has.

    Raises:
        DataError: the file cannot be read as an image, or is damaged.
    """
    voxels, header = _read(Path(path), "image", case)
    return MetaTensor(torch.from_numpy(voxels), affine=torch.from_numpy(header.affine), meta={"filename_or_obj": str(path)}), header


def read_labels(path: str | os.PathLike, case: str = "") -> tuple[np.ndarray, Header]:
    """The numbers (C, *spatial) of a label map, as exact as the file has them, and its header.

    Raises:
        DataError: the file cannot be read as an image, or is damaged.
    """
    return _read(Path(path), "label map", case)


def _read(path: Path, role: str, case: str) -> tuple[np.ndarray, Header]:
    try:
        kind = kind_of(path)
        header = kind.header(path)
        _check_memory(header)
        voxels = kind.voxels(path, role == "label map")
        if voxels.shape[1:] != header.size:
            raise ValueError(f"its voxels have the size {voxels.shape[1:]}, its header tells {header.size}")
    except Exception as error:
        raise _as_data_error(error, f"cannot read {role} {path}", case, "copy or convert the file again") from error
    return voxels, header


def _check_memory(header: Header) -> None:
    """Refuse what no memory of this machine can hold, which is a damaged header more often than a scan."""
    needed, there = prod(header.size) * header.channels * _FLOAT_BYTES, _memory()
    if there is not None and needed > there:
        raise ValueError(f"it would take {needed / 2**30:.0f} GiB of memory, this machine has {there / 2**30:.0f}")


def _memory() -> int | None:
    """Bytes of this machine; None where they are not known."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _as_data_error(error: Exception, what: str, case: str, remedy: str) -> DataError:
    cause = find_data_error(error)
    return DataError(f"{what}: {_reason(error)}", case, remedy) if cause is None else DataError(cause.what, case, cause.remedy)


def _reason(error: BaseException) -> str:
    """Why, in one line; ITK puts places in its code and addresses of its objects before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    lines = [re.sub(r"^ITK ERROR: (\w+\(0x[0-9a-f]+\): )?", "", line) for line in lines if not _CODE.match(line)]
    return lines[0] if lines else type(error).__name__


def without_flat_axes(image: MetaTensor, spatial_dims: int) -> MetaTensor:
    """An image (C, *spatial) without its last axes of size 1 that exceed ``spatial_dims``."""
    kept: Any = image
    while kept.ndim - 1 > spatial_dims and kept.shape[-1] == 1:
        kept = kept.squeeze(-1)
    return kept


def is_degenerate(affine: Tensor) -> bool:
    """Whether an affine (D + 1, D + 1) cannot be inverted, as one with zero spacing."""
    spacing = affine[:-1, :-1].norm(dim=0)
    return bool(not affine.isfinite().all() or (spacing == 0).any() or (affine[:-1, :-1] / spacing).det().abs() < 1e-6)
