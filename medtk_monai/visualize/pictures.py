"""Pictures on disk, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from medtk_monai.atomic import replacing
from medtk_monai.errors import DataError


def save_figure(figure: Figure, path: str | os.PathLike) -> None:
    """Write a figure of matplotlib in the format of its suffix; PNG without one.

    Raises:
        DataError: there is no such format.
        OutputError: the file cannot be written.
    """
    kind = Path(path).suffix.removeprefix(".").lower() or "png"
    known = figure.canvas.get_supported_filetypes()
    if kind not in known:
        raise DataError(f"{path}: there are no pictures of that suffix", remedy=f"choose from {', '.join(sorted(known))}")
    with replacing(path) as temporary:
        figure.savefig(temporary, format=kind)


def save_picture(picture: Image.Image, path: str | os.PathLike, quickly: bool = False) -> None:
    """Write a picture in the format of its suffix.

    Args:
        quickly: most of the time would go into squeezing the last bytes out of a PNG.

    Raises:
        DataError: there is no such format.
        OutputError: the file cannot be written.
    """
    known = Image.registered_extensions()
    kind = known.get(Path(path).suffix.lower())
    if kind is None:
        raise DataError(f"{path}: there are no pictures of that suffix", remedy="name it .png or .jpg")
    options: dict[str, Any] = {"compress_level": 1} if quickly and kind == "PNG" else {}
    with replacing(path) as temporary:
        picture.save(temporary, format=kind, **options)
