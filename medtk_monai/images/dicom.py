"""The DICOM kind of image files: a folder of one series, or a single file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medtk_monai.images.dicom_series import DicomSeriesReader


def dicom_header(path: str | Path) -> tuple[tuple[int, ...], np.ndarray, tuple[str, ...]]:
    """Size (3,), affine (4, 4) from voxel centers to RAS mm, and what was assumed in place of what the files do not tell.

    Args:
        path: of a folder that holds one series, or of a single file.

    Raises:
        DataError: it cannot be read, or is no regular stack of slices; the message names files.
    """
    reader = DicomSeriesReader()
    data, meta = reader.get_data(reader.read(path))
    return data.shape[-3:], np.asarray(meta["affine"]), ()


def dicom_voxels(path: str | Path) -> np.ndarray:
    """Real values, float32: (X, Y, Z), or (C, X, Y, Z) of colors, on the grid of ``dicom_header``.

    Raises:
        DataError: as ``dicom_header``.
    """
    reader = DicomSeriesReader()
    return np.asarray(reader.get_data(reader.read(path))[0], dtype=np.float32)
