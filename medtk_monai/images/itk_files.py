"""Image files that ITK reads, into the type that is asked for rather than the one that ITK would choose."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import itk
import numpy as np

from medtk_monai.images.arrays import stack_planes
from medtk_monai.images.header import Header, make_header
from medtk_monai.images.raw_data import find_raw_data
from medtk_monai.images.text_headers import TextHeader, read_text_header

_MOST_AXES = 4
_SPACING_FIELDS = ("elementspacing", "elementsize", "spacedirections", "spacings")


def itk_header(path: Path) -> Header:
    """Size, affine and channels; the fourth axis of a file counts as channels. Spacing that the file does not tell is 1 mm.

    Raises:
        DataError: the file names others that it must not.
        ValueError, RuntimeError: ITK cannot read the file.
    """
    text = read_text_header(path)
    reader = open_itk(path)
    dims, channels = _layout(reader)
    size = [int(reader.GetDimensions(axis)) for axis in range(dims)]
    spacing = np.array([reader.GetSpacing(axis) for axis in range(dims)])
    affine = np.eye(dims + 1)
    for axis, step in enumerate(np.where(_is_none(spacing), 1.0, spacing)):
        affine[:dims, axis] = np.array(reader.GetDirection(axis))[:dims] * step
        affine[axis, dims] = reader.GetOrigin(axis)
    affine[:2] *= -1  # LPS to RAS
    return make_header(size, affine + 0.0, channels, _assumed(text, spacing), reader.GetComponentSize() == 1)


def itk_voxels(path: Path, as_labels: bool) -> np.ndarray:
    """The voxels (C, *spatial); of packed data that lie in one piece, the checksum is compared.

    Args:
        as_labels: numbers stay as exact as float64 has them; otherwise they become float32.

    Raises:
        DataError: the file names others that it must not.
        ValueError, RuntimeError: ITK cannot read the file, or it is damaged.
    """
    text, reader = read_text_header(path), open_itk(path)
    dims, channels = _layout(reader)
    size = tuple(int(reader.GetDimensions(axis)) for axis in range(dims))
    raw = find_raw_data(path, text) if text else None
    if raw is not None and text is not None and _is_plain(text, reader):
        numbers = raw.read(channels * prod(size), _dtype_of(reader))
    else:
        numbers = _read_by_itk(path, reader, as_labels)
        if raw is not None:
            raw.check()
    components = int(reader.GetNumberOfComponents())
    planes = numbers.reshape((channels, *size), order="F") if components > 1 else np.split(numbers, channels)
    dtype = numbers.dtype.newbyteorder("=") if as_labels else np.float32
    return stack_planes([plane.reshape(size, order="F") for plane in planes], size, dtype)


def open_itk(path: Path) -> Any:
    """ITK's reader of a file, after it has read the header.

    Raises:
        ValueError, RuntimeError: ITK cannot read it.
    """
    reader = itk.ImageIOFactory.CreateImageIO(str(path), itk.CommonEnums.IOFileMode_ReadMode)
    if reader is None:
        raise ValueError("an unknown kind of file")
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return reader


def _layout(reader: Any) -> tuple[int, int]:
    """Number of spatial axes and of channels, which are components of a voxel or else a fourth axis."""
    axes, components = int(reader.GetNumberOfDimensions()), int(reader.GetNumberOfComponents())
    lengths = [int(reader.GetDimensions(axis)) for axis in range(axes)]
    behind = prod(lengths[3:])
    if axes > _MOST_AXES or (behind > 1 and components > 1) or reader.GetPixelType() == itk.CommonEnums.IOPixel_COMPLEX:
        raise ValueError(f"its voxels lie along axes of {lengths} with {components} numbers each: choose one volume of real numbers")
    return min(axes, 3), behind if axes > 3 else components


def _is_none(spacing: np.ndarray) -> np.ndarray:
    return ~np.isfinite(spacing) | (spacing == 0)


def _assumed(text: TextHeader | None, spacing: np.ndarray) -> list[str]:
    if text is not None and not any(field in text.fields for field in _SPACING_FIELDS):
        return ["tells no spacing; 1 mm is assumed"]
    shown = " x ".join(f"{step:g}" for step in spacing)
    return [f"tells a spacing of {shown}; 1 mm is assumed for each that is none"] if _is_none(spacing).any() else []


def _is_plain(text: TextHeader, reader: Any) -> bool:
    """Whether all numbers lie in the order of ITK's axes, and of a type whose length is beyond doubt."""
    components = int(reader.GetNumberOfComponents())
    lengths = [int(reader.GetDimensions(axis)) for axis in range(int(reader.GetNumberOfDimensions()))]
    stored = [int(length) for length in text.fields.get("sizes", "").split()]
    ordered = stored in ([], [components, *lengths] if components > 1 else lengths)
    return ordered and text.fields.get("elementtype", "").upper() not in ("MET_LONG", "MET_ULONG")


def _dtype_of(reader: Any) -> np.dtype:
    name = str(reader.GetComponentTypeAsString(reader.GetComponentType()))
    kind = "u" if name.startswith("unsigned") else "f" if name in ("float", "double") else "i"
    order = ">" if reader.GetByteOrder() == itk.CommonEnums.IOByteOrder_BigEndian else "<"
    return np.dtype(f"{order}{kind}{reader.GetComponentSize()}")


def _read_by_itk(path: Path, reader: Any, as_labels: bool) -> np.ndarray:
    """The numbers (N,) of a file, those of a voxel side by side, the first axis fastest."""
    image_type = itk.VectorImage[itk.D if as_labels else itk.F, int(reader.GetNumberOfDimensions())]
    file = itk.ImageFileReader[image_type].New()
    file.SetFileName(str(path))
    file.SetImageIO(reader)
    file.Update()
    return itk.array_from_image(file.GetOutput()).reshape(-1)
