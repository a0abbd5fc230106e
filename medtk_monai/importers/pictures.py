"""Boxes in pixels of 2D images as boxes in the world."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import torch

from medtk_monai.box_ops import boxes_to_world
from medtk_monai.errors import DataError
from medtk_monai.formats import read_grid
from medtk_monai.importers.cases import ImportedCase, box_objects
from medtk_monai.importers.files import existing, is_hidden

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class PixelBox:
    """A box (left, top, right, bottom): pixels from the corner of the image, half open, x over columns and y down the rows.

    An object that cannot be read is one with a ``problem``, which says what it is and what is wrong with it; see ``lost_box``.
    """

    box: tuple[float, float, float, float]
    label: int
    ignored: bool = False
    problem: str = ""


def lost_box(problem: str) -> PixelBox:
    """What stands for an object that cannot be read: each entry of a file becomes one box or the other."""
    return PixelBox((np.nan,) * 4, 0, problem=problem)


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
    the image are lost; those that stick out stay as they are, as loading a case clips them.

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
    problems = [_problem(item, box, size, number, class_names) for number, (item, box) in enumerate(found)]
    kept = [pair for pair, problem in zip(found, problems) if not problem]
    boxes = torch.from_numpy(np.array([box for _, box in kept]).reshape(-1, 4))
    affine = torch.tensor(grid["affine"], dtype=torch.float64)[[0, 1, -1]][:, [0, 1, -1]]
    centers, sizes, direction = boxes_to_world(boxes, affine)
    labels, ignored = [item.label for item, _ in kept], [item.ignored for item, _ in kept]
    fields = box_objects("RAS", centers.numpy(), sizes.numpy(), labels, ignored, direction.numpy())
    lost = (*(problem for problem in problems if problem), *fields.pop("lost"))
    return ImportedCase(case, picture.image, **fields, split=picture.split, columns=picture.columns, lost=lost)


def _problem(item: PixelBox, box: np.ndarray, size: Sequence[int], number: int, class_names: Sequence[str]) -> str:
    """What is wrong with an object, "" if a datalist can have it."""
    left, top, right, bottom = box
    if item.problem:
        return item.problem
    named = f"box {number} ({class_names[item.label]}, pixels {box.tolist()})"
    if not all(map(isfinite, box)):
        return f"{named}, which is not finite"
    if right <= left or bottom <= top:
        return f"{named}, which has no width or no height"
    is_outside = right <= 0 or bottom <= 0 or left >= size[0] or top >= size[1]
    return f"{named}, which lies outside the image" if is_outside else ""


def find_picture(name: str, folders: Sequence[Path], case: str) -> Path:
    """The file of this name, or of this name and a suffix of pictures, in the first of some folders that has it.

    Names are tried as they are, then in any case of letters; then with the separators of Windows, and as addresses spell them ("%20").

    Raises:
        DataError: none has it.
    """
    spellings = list(dict.fromkeys([name, name.replace("\\", "/"), unquote(name), unquote(name).replace("\\", "/")]))
    for spelling in spellings:
        for folder in folders:
            for path in (folder / spelling, *(folder / f"{spelling}{suffix}" for suffix in SUFFIXES)):
                if os.path.isfile(path):
                    return path
    for spelling in spellings:
        for folder in folders:
            if found := _find_any_case(folder / spelling):
                return found
    places = ", ".join(map(str, dict.fromkeys(folders)))
    raise DataError(f"image {name} is in none of {places}", case, "download the images, or name their folder by --images")


def _find_any_case(path: Path) -> Path | None:
    """The first picture in the folder of a path that is called as it is, but for the case of letters and for a suffix."""
    wanted = {path.name.lower(), *(path.name.lower() + suffix for suffix in SUFFIXES)}
    names = sorted(os.listdir(path.parent)) if os.path.isdir(path.parent) else []
    return next((path.parent / name for name in names if name.lower() in wanted and not is_hidden(Path(name))), None)


def named_apart(pictures: Sequence[Picture]) -> list[Picture]:
    """Pictures of one name get that of their split in front of it, or those of as many of their folders as tell them apart."""
    groups: dict[str, list[int]] = {}
    for number, picture in enumerate(pictures):
        groups.setdefault(picture.case_id, []).append(number)
    names = {number: name for members in groups.values() for number, name in zip(members, _apart([pictures[n] for n in members]))}
    taken = Counter(names.values())
    named = []
    for number, picture in enumerate(pictures):
        name = names[number]
        if taken[name] > 1:  # names that agree once they are joined, and pictures that are listed twice
            taken[name] -= 1
            name = next(longer for count in range(2, len(pictures) + 2) if (longer := f"{name}_{count}") not in taken)
            taken[name] += 1
        named.append(replace(picture, case_id=name))
    return named


def _apart(group: Sequence[Picture]) -> list[str]:
    """Names for pictures of one name."""
    if len(group) == 1:
        return [group[0].case_id]
    splits = [picture.split for picture in group]
    if all(splits) and len(set(splits)) == len(group):
        return [f"{picture.split}_{picture.case_id}" for picture in group]
    folders = [picture.image.parts[1:-1] for picture in group]
    for depth in range(1, max(map(len, folders)) + 1):
        names = ["_".join([*parts[-depth:], picture.case_id]) for parts, picture in zip(folders, group)]
        if len(set(names)) == len(group):
            return names
    return [picture.image.name for picture in group]
