"""The DICOM kind of image files: a folder of one series, or a single file of one or many frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import PathLike
from monai.data import ImageReader
from monai.utils import MetaKeys, SpaceKeys

from medtk_monai.images.dicom_pixels import stacked_values
from medtk_monai.images.dicom_series import read_stack


def dicom_header(path: str | Path) -> tuple[tuple[int, int, int], np.ndarray, tuple[str, ...]]:
    """Size (3,) in columns, rows and slices, affine (4, 4) from voxel centers to RAS mm, and what the files do not tell.

    Slices lie in the order of their positions along the normal; neither names of files nor instance or frame numbers count. What was
    assumed are clauses as "tells no pixel spacing (PixelSpacing); 1 mm is assumed".

    Args:
        path: of a folder that holds one series, or of a single file.

    Raises:
        DataError: it cannot be read, or is no regular stack of slices; the message names files.
    """
    stack = read_stack(path)
    return stack.size, stack.affine.copy(), stack.assumed


def dicom_voxels(path: str | Path) -> np.ndarray:
    """Real values, float32: (X, Y, Z), or (C, X, Y, Z) of colors, on the grid of ``dicom_header``.

    Raises:
        DataError: as ``dicom_header``, or a file cannot be decoded.
    """
    stack = read_stack(path)
    return stacked_values(stack.frames, stack.is_color)


class DicomReader(ImageReader):
    """Both functions for MONAI's LoadImage."""

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        return True

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> Any:
        return str(data if isinstance(data, (str, Path)) else data[0])  # type: ignore[index]

    def get_data(self, img: Any) -> tuple[np.ndarray, dict]:
        size, affine, _ = dicom_header(img)
        voxels = dicom_voxels(img)
        return voxels, {
            MetaKeys.AFFINE: affine, MetaKeys.ORIGINAL_AFFINE: affine.copy(), MetaKeys.SPATIAL_SHAPE: np.array(size), MetaKeys.SPACE: SpaceKeys.RAS,
            MetaKeys.ORIGINAL_CHANNEL_DIM: 0 if voxels.ndim > 3 else "no_channel", "filename_or_obj": img,
        }  # fmt: skip
