"""Pictures: PNG, JPEG and their like, upright as EXIF tells, without opacity, at the depth that the file has."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import numpy as np
from PIL import Image

from medtk_monai.images.header import Header, make_header
from medtk_monai.images.itk_files import itk_voxels
from medtk_monai.images.streams import check_expected

TURNED_ASIDE = (5, 6, 7, 8)
"""Orientations of EXIF for which width and height change places."""
_ORIENTATION = 0x0112
_OPAQUE = {"P": "RGB", "PA": "RGB", "RGBA": "RGB", "RGBa": "RGB", "LA": "L", "La": "L"}
"""For pictures whose numbers are colors of a palette, or that have a channel of opacity: a mode without these."""
_DEEP = ("I", "F")
"""How the modes begin that have more than a byte per number."""
_PNG = b"\x89PNG\r\n\x1a\n"
_DEEP_PNG_CHANNELS = {2: 3, 4: 1, 6: 3}
"""Color type of a PNG file, for which Pillow has no mode of 16 bits -> channels without opacity."""
_LIMIT = Lock()


def picture_header(path: Path) -> Header:
    """Size, upright, and channels; a pixel is 1 mm wide, the first has its center at 0.

    Raises:
        OSError, ValueError: it is no picture.
    """
    deep = _deep_png_channels(path)
    with open_picture(path) as picture:
        size = picture.size[::-1] if _orientation_of(picture, path) in TURNED_ASIDE else picture.size
        channels = deep or Image.getmodebands(_OPAQUE.get(picture.mode, picture.mode))
        return make_header(size, np.eye(3), channels, byte_values=not deep and not picture.mode.startswith(_DEEP))


def picture_voxels(path: Path, as_labels: bool) -> np.ndarray:
    """The numbers (C, width, height) of a picture, upright.

    Args:
        as_labels: the numbers of a palette mean classes; otherwise they mean colors.

    Raises:
        OSError, ValueError: it is no picture, or damaged.
    """
    _check_png(path)
    deep = _deep_png_channels(path)
    with open_picture(path) as picture:
        check_expected(path, picture.width * picture.height // 8)
        array = itk_voxels(path, as_labels)[:deep] if deep else picture_array(picture, as_labels)
        return _upright(array, _orientation_of(picture, path))


def picture_array(picture: Image.Image, as_labels: bool) -> np.ndarray:
    """The numbers (C, width, height) of an open picture."""
    mode = {"PA": "P", "LA": "L"}.get(picture.mode, picture.mode) if as_labels else _OPAQUE.get(picture.mode, picture.mode)
    array = np.asarray(picture if mode == picture.mode else picture.convert(mode))
    array = (array[..., None] if array.ndim == 2 else array).transpose(2, 1, 0)
    return np.ascontiguousarray(array, None if as_labels else np.float32)


@contextmanager
def open_picture(path: Path) -> Iterator[Image.Image]:
    """A picture of any size: Pillow's own limit is of the sizes that strangers may send to a server."""
    with open(path, "rb") as file:  # of files that Pillow opens itself it leaves some unturned
        with _LIMIT:
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                picture = Image.open(file)
            finally:
                Image.MAX_IMAGE_PIXELS = limit
        with picture:
            yield picture


def _orientation_of(picture: Image.Image, path: Path) -> int:
    """As EXIF counts, 1 for upright; for that of a PNG file, Pillow would read the whole picture."""
    exif = picture.getexif() if picture.format != "PNG" else Image.Exif()
    if picture.format == "PNG":
        exif.load(next((body for kind, body in _png_parts(path) if kind == b"eXIf"), b""))
    return int(exif.get(_ORIENTATION, 1))


def _upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """An array (C, width, height) turned as EXIF asks for."""
    if orientation in TURNED_ASIDE:
        array = array.swapaxes(1, 2)
    across = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    down = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    return np.ascontiguousarray(array[:, across, down])


def _deep_png_channels(path: Path) -> int:
    """Channels of a PNG file of colors, or of gray with opacity, of 16 bits; 0 for all other files."""
    with open(path, "rb") as file:
        if file.read(8) != _PNG:
            return 0
        head = file.read(18)
        depth, color = (head[16], head[17]) if len(head) == 18 else (8, 0)
    return _DEEP_PNG_CHANNELS.get(color, 0) if depth == 16 else 0


def _check_png(path: Path) -> None:
    """Compare the checksums of a PNG file's parts, which its readers pass over.

    Raises:
        ValueError: one is of other data, or the file ends early.
    """
    for _ in _png_parts(path):
        pass


def _png_parts(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of the parts of a PNG file; none of other files.

    Raises:
        ValueError: the checksum of a part is of other data, or the file ends early.
    """
    with open(path, "rb") as file:
        kind = b"IEND" if file.read(8) != _PNG else b""
        while kind != b"IEND":
            length, kind = struct.unpack(">I4s", file.read(8).ljust(8, b"\0"))
            body = file.read(length)
            if file.read(4) != struct.pack(">I", zlib.crc32(body, zlib.crc32(kind))):
                raise ValueError(f"its part {kind!r} is damaged, or cut off")
            yield kind, body
