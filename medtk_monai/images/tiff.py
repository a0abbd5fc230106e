"""TIFF files: on the grid that ITK tells, which knows their resolution, with colors as pictures have them, and upright."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from medtk_monai.images.header import Header, make_header
from medtk_monai.images.itk_files import itk_header, itk_voxels
from medtk_monai.images.pictures import TURNED_ASIDE, open_picture, picture_array

_BITS, _PHOTOMETRIC, _ORIENTATION, _SAMPLES, _EXTRA = 258, 262, 274, 277, 338
_PALETTE = 3
_SHORT, _LONG = 3, 4
_UPRIGHT = 1
_ORDERS = {b"II": "<", b"MM": ">"}
_CLASSIC = 42


@dataclass(frozen=True)
class _Page:
    """What the first page of a TIFF file is like.

    Args:
        bits: of each number.
        samples: numbers of each pixel.
        opacity: how many of them are none of its colors.
        palette: whether they count the colors of a palette.
        orientation: as EXIF counts, 1 for upright.
    """

    bits: int
    samples: int
    opacity: int
    palette: bool
    orientation: int

    @property
    def channels(self) -> int:
        return 3 if self.palette else self.samples - self.opacity

    @property
    def for_pillow(self) -> bool:
        """Whether ITK would mistake it: its palette, gray with opacity, or where its first pixel is."""
        return self.palette or self.orientation != _UPRIGHT or (self.opacity > 0 and self.bits <= 8)


def tiff_header(path: Path) -> Header:
    """Size, upright, affine and channels; of several pages, as a stack.

    Raises:
        OSError, ValueError, RuntimeError: it is no TIFF file.
    """
    header, page = itk_header(path), _first_page(path)
    size, affine = header.size, header.affine
    if page.orientation in TURNED_ASIDE:
        order = [1, 0, *range(2, len(size))]
        size, affine = tuple(size[axis] for axis in order), np.diag(np.diag(affine)[[*order, len(size)]])
    return make_header(size, affine, page.channels, byte_values=page.bits <= 8)


def tiff_voxels(path: Path, as_labels: bool) -> np.ndarray:
    """The numbers (C, *spatial), upright.

    Args:
        as_labels: the numbers of a palette mean classes; otherwise they mean colors.

    Raises:
        OSError, ValueError, RuntimeError: it is no TIFF file, damaged, or of a kind that is turned and cannot be read upright.
    """
    page = _first_page(path)
    if not page.for_pillow:
        return itk_voxels(path, as_labels)[: page.channels]
    with open_picture(path) as picture:
        if getattr(picture, "n_frames", 1) > 1:
            raise ValueError("its pages have a palette or opacity, or are turned: convert them to plain gray or color")
        picture.load()  # turns it
        return picture_array(picture, as_labels)


def _first_page(path: Path) -> _Page:
    with open(path, "rb") as file:
        tags = _tags(file)
    bits, photometric, orientation, samples = (tags.get(tag, (1, 1))[0] for tag in (_BITS, _PHOTOMETRIC, _ORIENTATION, _SAMPLES))
    return _Page(bits, samples, tags.get(_EXTRA, (0, 0))[1], photometric == _PALETTE, orientation)


def _tags(file: BinaryIO) -> dict[int, tuple[int, int]]:
    """Tag -> first value and number of values, of those that are whole numbers, of the first page."""
    order = _ORDERS.get(file.read(2), "")
    if not order:
        raise ValueError("it is no TIFF file")
    (version,) = struct.unpack(order + "H", file.read(2))
    big = version != _CLASSIC
    file.seek(8 if big else 4)
    (start,) = struct.unpack(order + ("Q" if big else "I"), file.read(8 if big else 4))
    file.seek(start)
    (count,) = struct.unpack(order + ("Q" if big else "H"), file.read(8 if big else 2))
    entry = struct.Struct(order + ("HHQ8s" if big else "HHI4s"))
    found = {}
    for tag, kind, number, value in entry.iter_unpack(file.read(entry.size * min(count, 4096))):
        if kind in (_SHORT, _LONG):
            found[tag] = (_first_value(file, order, kind, number, value), number)
    return found


def _first_value(file: BinaryIO, order: str, kind: int, number: int, value: bytes) -> int:
    """The value that an entry holds, or the first of those that it points to."""
    code, width = ("H", 2) if kind == _SHORT else ("I", 4)
    if number * width > len(value):
        file.seek(struct.unpack(order + ("Q" if len(value) == 8 else "I"), value)[0])
        value = file.read(width)
    return int(struct.unpack(order + code, value[:width])[0])
