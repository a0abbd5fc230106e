"""Boxes in pixels of 2D images as boxes in the world."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch

from medtk_monai.box_ops import boxes_to_world
from medtk_monai.errors import DataError
from medtk_monai.formats import read_grid
from medtk_monai.importers.cases import ImportedCase, box_objects, existing

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class PixelBox:
    """A box (left, top, right, bottom): pixels from the corner of the image, half open, x over columns and y down the rows."""

    box: tuple[float, float, float, float]
    label: int
    ignored: bool = False


@dataclass(frozen=True)
class Picture:
    """An image and its boxes; ``relative`` boxes are shares of its width and height. Other fields are those of ``ImportedCase``."""

    case_id: str
    image: Path
    boxes: Sequence[PixelBox] = ()
    split: str = ""
    relative: bool = False
    size: tuple[int, int] | None = None
    """What the data set takes for the width and height of the image."""
    columns: Mapping[str, Any] = field(default_factory=dict)


def import_picture(picture: Picture, class_names: Sequence[str]) -> ImportedCase:
    """The case of a picture, with world boxes as MONAI's readers lay out 2D images: x is the first axis.

    A PNG, JPEG or BMP file has pixels of 1 mm, the first of which has its center at 0. Boxes without width or height and boxes outside
    the image are left out; those that stick out stay as they are, as loading a case clips them.

    Raises:
        DataError: the image cannot be read, or has another size than the data set says.
    """
    case = picture.case_id
    grid = read_grid(existing(picture.image, "image", case), case)
    size = grid["size"][:2]
    if picture.size is not None and list(picture.size) != size:
        what = f"{picture.image} has {size} pixels, the annotations are of {list(picture.size)}"
        raise DataError(what, case, "use the images that were annotated; they count as turned upright, as EXIF asks for")
    scale = np.array([*size, *size] if picture.relative else [1.0] * 4)
    found = [(item, np.array(item.box) * scale) for item in picture.boxes]
    wrong = [_problem(box, size) for _, box in found]
    kept = [pair for pair, problem in zip(found, wrong) if not problem]
    left_out = tuple(
        f"box {number} ({class_names[item.label]}, pixels {box.tolist()}), {problem}"
        for number, ((item, box), problem) in enumerate(zip(found, wrong))
        if problem
    )
    boxes = torch.from_numpy(np.array([box for _, box in kept]).reshape(-1, 4))
    affine = torch.tensor(grid["affine"], dtype=torch.float64)[[0, 1, -1]][:, [0, 1, -1]]
    centers, sizes, direction = boxes_to_world(boxes, affine)
    labels, ignored = [item.label for item, _ in kept], [item.ignored for item, _ in kept]
    fields = box_objects("RAS", centers.numpy(), sizes.numpy(), labels, ignored, direction.numpy())
    return ImportedCase(case, picture.image, **fields, split=picture.split, columns=picture.columns, left_out=left_out)


def _problem(box: np.ndarray, size: Sequence[int]) -> str:
    """Why a datalist cannot have a box, "" if it can."""
    left, top, right, bottom = box
    if not all(map(isfinite, box)):
        return "which is not finite"
    if right <= left or bottom <= top:
        return "which has no width or no height"
    return "which lies outside the image" if right <= 0 or bottom <= 0 or left >= size[0] or top >= size[1] else ""


def find_picture(name: str, folders: Sequence[Path], case: str) -> Path:
    """The file of this name, or of this name and a suffix of pictures, in the first of some folders that has it.

    Raises:
        DataError: none has it.
    """
    for folder in folders:
        for path in (folder / name, *(folder / f"{name}{suffix}" for suffix in SUFFIXES)):
            if path.is_file():
                return path
    places = ", ".join(map(str, dict.fromkeys(folders)))
    raise DataError(f"image {name} is in none of {places}", case, "download the images, or name their folder by --images")


def named_apart(pictures: Sequence[Picture]) -> list[Picture]:
    """Pictures of one name get that of their split, or of their folder, in front of it."""
    counts = Counter(picture.case_id for picture in pictures)
    return [
        replace(picture, case_id=f"{picture.split or picture.image.parent.name}_{picture.case_id}")
        if counts[picture.case_id] > 1
        else picture
        for picture in pictures
    ]
