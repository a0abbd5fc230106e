"""The pixels of DICOM files as real values; ITK decodes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import itk
import numpy as np

from medtk_monai.errors import DataError
from medtk_monai.images.dicom_frames import COPY_AGAIN, Frame

_Line = tuple[float, float]
"""Slope and intercept."""


def stacked_values(frames: Sequence[Frame], is_color: bool) -> np.ndarray:
    """Real values of frames in their order, float32: (X, Y, Z), or (C, X, Y, Z) of colors.

    Each frame has its own rescale slope and intercept. Files are decoded one after another: memory holds one of them beside the result.

    Args:
        frames: of one size; all frames of each of their files.
        is_color: they have several numbers for each pixel.

    Raises:
        DataError: a file cannot be decoded, or holds other frames than its header tells.
    """
    (columns, rows), by_file = frames[0].size, dict[Path, list[tuple[int, Frame]]]()
    for place, frame in enumerate(frames):
        by_file.setdefault(frame.path, []).append((place, frame))
    volume = np.empty((0, rows, columns, 1), dtype=np.float32)
    for path, parts in by_file.items():
        pixels, applied = _decode(path, [frame for _, frame in parts], is_color)
        pixels = _as_frames(pixels, path, (len(parts), rows, columns))
        if not len(volume):
            volume = np.empty((len(frames), *pixels.shape[1:]), dtype=np.float32)
        elif pixels.shape[1:] != volume.shape[1:]:
            raise DataError(f"{path} has {pixels.shape[-1]} channels, and files before it {volume.shape[-1]}", remedy=COPY_AGAIN)
        for place, frame in parts:
            volume[place] = _real(pixels[frame.index], applied, (frame.slope, frame.intercept))
    return volume[..., 0].T if volume.shape[-1] == 1 else volume.T


def _decode(path: Path, frames: Sequence[Frame], is_color: bool) -> tuple[np.ndarray, _Line | None]:
    """Pixels of a file, and the slope and intercept that are in them and must come out; None if they are right, or colors."""
    try:
        if is_color:
            return itk.array_from_image(itk.imread(str(path))), None
        pixels, applied = _read(path, itk.F)
        if {(frame.slope, frame.intercept) for frame in frames} == {applied}:
            return pixels, None
        return _read(path, itk.D)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise DataError(f"cannot decode {path}: {lines[-1] if lines else 'an unknown reason'}", remedy=COPY_AGAIN) from error


def _read(path: Path, kind: Any) -> tuple[np.ndarray, _Line]:
    """What ITK makes of a gray file, and the slope and intercept that it has applied to all frames alike."""
    reader, decoder = itk.ImageFileReader[itk.Image[kind, 3]].New(), itk.GDCMImageIO.New()
    reader.SetImageIO(decoder)
    reader.SetFileName(str(path))
    reader.Update()
    return itk.array_view_from_image(reader.GetOutput()), (decoder.GetRescaleSlope(), decoder.GetRescaleIntercept())


def _as_frames(pixels: np.ndarray, path: Path, size: tuple[int, int, int]) -> np.ndarray:
    """(frames, rows, columns, channels)."""
    channels = pixels.size // int(np.prod(size))
    if channels * np.prod(size) != pixels.size or pixels.shape[pixels.ndim - (channels > 1) - 1] != size[2]:
        what = f"{path} holds {' x '.join(map(str, pixels.shape))} numbers, and tells {size[0]} frames of {size[1]} x {size[2]} pixels"
        raise DataError(what, remedy=COPY_AGAIN)
    return pixels.reshape(*size, channels)


def _real(pixels: np.ndarray, applied: _Line | None, wanted: _Line) -> np.ndarray:
    """Pixels of a frame with the slope and intercept that it tells, instead of those that were applied: stored numbers are whole."""
    if applied is None:
        return pixels
    return np.rint((pixels - applied[1]) / applied[0]) * wanted[0] + wanted[1]
