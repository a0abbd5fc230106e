"""Voxel grids from the headers of image files; no voxels are read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from medtk_monai.errors import DataError
from medtk_monai.formats.grids import Grid, make_grid

NIFTI_SUFFIXES = (".nii", ".nii.gz")
_WITHOUT_AFFINE = (".png", ".jpg", ".jpeg", ".bmp")
_COMPRESSED = (".gz", ".bz2", ".zst")
_FIRST_CHANNEL = "_0000"


@dataclass(frozen=True)
class ImageFiles:
    """Image files by their names without suffixes."""

    by_name: dict[str, Path]
    only: Path | None = None
    """The one file that was named outright."""

    def find(self, case_id: str, alone: bool) -> Path | None:
        """The image of a case; that of a case alone is the one file that was named, whatever its name."""
        return self.only if alone and self.only is not None else self.by_name.get(case_id)


def find_images(images: str | os.PathLike | Sequence[str] | None) -> ImageFiles:
    """The image files of a folder, a pattern, a file, or a list of these.

    A name that ends with "_0000", as first channels do in nnDetection's folders, is found without this as well.

    Raises:
        DataError: there are none, or two of one name.
    """
    sources = [] if images is None else [images] if isinstance(images, (str, os.PathLike)) else list(images)
    files = [path for source in sources for path in _expand(Path(source).expanduser())]
    by_name: dict[str, Path] = {}
    for path in files:
        name = _name(path)
        if by_name.setdefault(name, path) != path:
            raise DataError(f"images {by_name[name]} and {path} have one name", name, "name fewer images")
    short = {name.removesuffix(_FIRST_CHANNEL): path for name, path in by_name.items() if name.endswith(_FIRST_CHANNEL)}
    only = files[0] if len(files) == 1 and len(sources) == 1 and Path(sources[0]).expanduser().is_file() else None
    return ImageFiles(short | by_name, only)


def _expand(source: Path) -> list[Path]:
    matches = [source] if source.is_file() else source.iterdir() if source.is_dir() else map(Path, glob(str(source), recursive=True))
    files = sorted({path.absolute() for path in matches if path.is_file() and not path.name.startswith(".")})
    if not files:
        raise DataError(f"no images found at {source}", remedy="name a file, a folder, or a pattern in quotes")
    return files


def _name(path: Path) -> str:
    return (path.with_suffix("") if path.suffix in _COMPRESSED else path).stem


def read_grid(path: str | os.PathLike, case: str = "") -> Grid:
    """Size and affine of an image file from its header: axes as MONAI's readers order them, 2D or 3D, voxel centers -> RAS mm.

    PNG, JPEG and BMP files have no affine: a pixel is 1 mm wide, as for MONAI.

    Raises:
        DataError: the file cannot be read as an image.
    """
    return make_grid(*read_header(path, case), case)


def read_header(path: str | os.PathLike, case: str = "") -> tuple[tuple[int, ...], Any]:
    """Size and affine of an image file as ``read_grid`` tells them, but not checked.

    Raises:
        DataError: the file cannot be read as an image.
    """
    path = Path(path)
    try:
        return _nifti_header(path) if path.name.endswith(NIFTI_SUFFIXES) else _itk_header(path)
    except Exception as error:
        remedy = "copy the file again, or remove it, if it is an image; those are .nii.gz, .mha, .nrrd or .png files, for example"
        raise DataError(f"cannot read the header of image {path}: {error}".splitlines()[0], case, remedy) from error


def _nifti_header(path: Path) -> tuple[tuple[int, ...], Any]:
    image = nib.load(path)  # type: ignore[attr-defined]
    return image.shape[:3], image.affine  # type: ignore[attr-defined]


def _itk_header(path: Path) -> tuple[tuple[int, ...], Any]:
    import itk

    reader = itk.ImageIOFactory.CreateImageIO(str(path), itk.CommonEnums.IOFileMode_ReadMode)
    if reader is None:
        raise ValueError("an unknown kind of file")
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    dims = min(int(reader.GetNumberOfDimensions()), 3)
    size = tuple(int(reader.GetDimensions(axis)) for axis in range(dims))
    if path.suffix.lower() in _WITHOUT_AFFINE:
        return size, np.eye(dims + 1)
    affine = np.eye(dims + 1)
    for axis in range(dims):
        affine[:dims, axis] = np.array(reader.GetDirection(axis))[:dims] * reader.GetSpacing(axis)
        affine[axis, dims] = reader.GetOrigin(axis)
    affine[:2] *= -1  # LPS to RAS
    return size, affine + 0.0
