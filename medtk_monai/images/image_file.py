"""One image file, as it is: no demands on its axes, channels or values."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from monai.data import MetaTensor, PILReader
from monai.transforms import LoadImage
from PIL import Image
from torch import Tensor

from medtk_monai.errors import DataError, find_data_error
from medtk_monai.images.dicom import DicomReader

# With pydicom but no GPU decoder, MONAI warns whenever it lists its readers.
logging.getLogger("monai.data.nvimgcodec_pydicom_plugin").setLevel(logging.ERROR)

_PICTURES, _PICTURES_OR_STACKS = (".png", ".bmp", ".gif"), (".tif", ".tiff")
_INTENSITY_MODES = {"P": "RGB", "PA": "RGB", "RGBA": "RGB", "LA": "L"}
"""Of pictures whose numbers are colors of a palette, or that have a channel of opacity."""


class ImageFileReader:
    """Reads an image as a float32 MetaTensor (C, *spatial).

    Args:
        reader: of MONAI's LoadImage; None chooses by the file's suffix, and takes a folder for a DICOM series.
    """

    def __init__(self, reader: Any = None):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="NvImgCodec")
            self.load = LoadImage(reader=reader, image_only=True, ensure_channel_first=True, dtype=np.float32)
        self.trust_reader = reader is not None

    def __call__(self, path: str, role: str, case: str) -> MetaTensor:
        """The image in a file.

        Args:
            path: of the file, or the folder of a DICOM series.
            role: what it is for, for messages: "image" or "label map".
            case: id.

        Raises:
            DataError: it cannot be read.
        """
        try:
            image = self.load(path, reader=None if self.trust_reader else _reader_of(path, role))
            if not self.trust_reader and path.endswith((".nii", ".nii.gz")):
                image.affine = _nifti_affine(path)
                image.meta["original_affine"] = image.affine.numpy()
        except Exception as error:
            cause = find_data_error(error)
            if cause is not None:
                raise DataError(cause.what, case, cause.remedy) from error
            raise DataError(f"cannot read {role} {path}: {_reason(error)}", case, "copy or convert the file again") from error
        return image


def _reader_of(path: str, role: str) -> Any:
    """For what MONAI's choice would read otherwise: DICOM series, and pictures of a palette or with opacity: in an image, the numbers of
    a palette mean colors, in a label map classes, and opacity is no channel to learn from."""
    if Path(path).is_dir() or path.endswith(".dcm"):
        return DicomReader()
    if role == "image" and (path.lower().endswith(_PICTURES) or _is_odd_tiff(path)):
        return PILReader(converter=lambda picture: picture.convert(_INTENSITY_MODES.get(picture.mode, picture.mode)))
    return None


def _is_odd_tiff(path: str) -> bool:
    """Whether it is a single picture whose palette or opacity ITK would mistake."""
    if not path.lower().endswith(_PICTURES_OR_STACKS):
        return False
    try:
        with Image.open(path) as picture:
            return getattr(picture, "n_frames", 1) == 1 and picture.mode in _INTENSITY_MODES
    except (OSError, Image.DecompressionBombError):  # of a kind, or a size, that is left to ITK
        return False


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


def _reason(error: BaseException) -> str:
    """The line of an error that tells why: MONAI puts those of all readers that it tried behind one another."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[0] if len(lines) == 1 else lines[-1].strip()


def _nifti_affine(path: str) -> Tensor:
    """The affine (4, 4) of a NIfTI file as nibabel and viewers see it: the sform, if set.

    MONAI's reader swaps the sform for the qform, even for a qform marked as unset, wherever the sform disagrees with pixdim.
    """
    return torch.as_tensor(nibabel.load(path).affine)  # type: ignore[attr-defined]
