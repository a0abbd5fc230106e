"""Image files by name, and their voxel grids, for which no voxels are read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from medtk_monai.errors import DataError
from medtk_monai.formats.grids import Grid, make_grid
from medtk_monai.images.image_file import read_header

NIFTI_SUFFIXES = (".nii", ".nii.gz")
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
    """Size and affine of an image file from its header, 2D or 3D, voxel centers -> RAS mm, as the image has them once it is read.

    Raises:
        DataError: the file cannot be read as an image.
    """
    header = read_header(path, case)
    return make_grid(header.size, header.affine, case)
