"""NIfTI files of which equal content gives equal bytes."""

from __future__ import annotations

import gzip
import os

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from medtk_monai.atomic import replacing


def write_nifti(path: str | os.PathLike, array: NDArray, affine: NDArray[np.float64]) -> None:
    """Write a .nii.gz file, whole or not at all.

    Args:
        array: (X, Y) or (X, Y, Z).
        affine: (4, 4), voxel centers -> RAS mm.

    Raises:
        OutputError: the disk is full, or the folder cannot be written.
    """
    image = nib.Nifti1Image(array, affine)
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    image.header.set_xyzt_units("mm")
    # nibabel's own gzip files carry the time of writing.
    content = gzip.compress(image.to_bytes(), compresslevel=4, mtime=0)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
