"""The DICOM kind of image files: a folder of one series, or a single file of one or many frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np

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
