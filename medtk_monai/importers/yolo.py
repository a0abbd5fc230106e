"""YOLO's text files, as Ultralytics lays them out (docs.ultralytics.com/datasets/detect)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtk_monai.errors import DataError
from medtk_monai.formats.values import parse_number
from medtk_monai.importers.cases import ImportedSet, map_cases, some
from medtk_monai.importers.files import existing, is_there, listed, read_lines
from medtk_monai.importers.pictures import SUFFIXES, Picture, PixelBox, import_picture, lost_box, named_apart
from medtk_monai.importers.plain_yaml import read_plain_yaml
from medtk_monai.importers.splits import TEST, TRAINING, VALIDATION

_SPLITS = {"train": TRAINING, "val": VALIDATION, "test": TEST}
_BEYOND = 0.01
"""How far the corners of a polygon may lie outside of the image, as a share of its side."""


@dataclass(frozen=True)
class _Rows:
    """What the rows of label files hold.

    Args:
        names: of class 0, 1, ...
        keypoint_numbers: how many numbers behind the box tell of keypoints; None where there are no keypoints, but maybe polygons.
    """

    names: Sequence[str]
    keypoint_numbers: int | None


def import_yolo(source: Path) -> ImportedSet:
    """Lines ``class cx cy width height``, shares of the image's width and height; polygons, of three corners and more, become boxes::

        SRC/data.yaml (path, train, val, test, names)    SRC/images/train/a.jpg    SRC/labels/train/a.txt

    ``train``, ``val`` and ``test`` are folders of images, or text files that list images. The labels of an image lie where its path has
    "labels" for the last "images"; an image without such a file has no objects. With ``kpt_shape`` keypoints follow the box, and are
    passed over.

    Args:
        source: SRC, or its YAML file under another name.

    Raises:
        DataError: a file is missing, or not as described; or no line of the label files is.
    """
    path = source if source.is_file() else existing(source / "data.yaml", "description")
    document = read_plain_yaml(path)
    rows = _Rows(_names(document.get("names"), path), _keypoint_numbers(document.get("kpt_shape"), path))
    pictures: list[Picture] = []
    notes = []
    for key, split in _SPLITS.items():
        files = {image: _label_file(image) for image in _images(document.get(key), path, document.get("path"))}
        labeled = {image: file for image, file in files.items() if is_there(file, "label file", image.stem)}
        boxes = {image: _boxes(file, rows) for image, file in labeled.items()}
        pictures += [Picture(image.stem, image, boxes.get(image, []), split, relative=True) for image in files]
        notes += _unlabeled(key, files, len(labeled))
    some(pictures, "images in train, val or test", path)
    _refuse_if_all_lost([box for picture in pictures for box in picture.boxes], rows)
    cases = map_cases(lambda picture: import_picture(picture, rows.names), named_apart(pictures), "images")
    return ImportedSet(cases, rows.names, notes)


def _names(names: Any, path: Path) -> list[str]:
    """Of class 0, 1, ..."""
    if isinstance(names, dict) and set(names) == set(range(len(names))):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not names or len(set(names)) < len(names):
        raise DataError(f"{path}: names are {names}", remedy="name class 0, 1, ..., each differently: names: [first, second]")
    return [str(name) for name in names]


def _keypoint_numbers(shape: Any, path: Path) -> int | None:
    """How many numbers of a row are of keypoints."""
    if shape is None:
        return None
    if not isinstance(shape, list) or len(shape) != 2 or not all(isinstance(side, int) and side > 0 for side in shape):
        raise DataError(f"{path}: kpt_shape is {shape}", remedy="write how many keypoints there are, of how many numbers each: [17, 3]")
    return shape[0] * shape[1]


def _images(places: Any, path: Path, base: Any) -> list[Path]:
    """The images of one or several folders or lists, relative to the base where there is such a folder, else to the YAML file."""
    found = []
    roots = [path.parent / str(base or "."), path.parent]
    for place in places if isinstance(places, list) else [places] if places else []:
        # Exported sets often write ../train/images for a folder beside the file.
        options = [root / part for root in roots for part in (str(place), str(place).removeprefix("../"))]
        folder = next((option for option in options if os.path.exists(option)), options[0])
        existing(folder, "images")
        found += _named_in(folder) if folder.is_file() else listed(folder, *(f"**/*{suffix}" for suffix in SUFFIXES))
    return found


def _named_in(path: Path) -> list[Path]:
    """The images that a file lists, each in a line; a path may have the separators of Windows."""
    names = [line.strip() for line in read_lines(path) if line.strip()]
    options = [(path.parent / name, path.parent / name.replace("\\", "/")) for name in names]
    return [other if os.path.exists(other) and not os.path.exists(plain) else plain for plain, other in options]


def _label_file(image: Path) -> Path:
    parts = list(image.parts)
    places = [index for index, part in enumerate(parts[:-1]) if part == "images"]
    if places:
        parts[places[-1]] = "labels"
    return Path(*parts).with_suffix(".txt")


def _unlabeled(key: str, files: Mapping[Path, Path], labeled: int) -> list[str]:
    """A note on a split none of whose images has a label file."""
    if labeled or not files:
        return []
    first = next(iter(files.values()))
    return [f"none of the {len(files)} images of {key} has a label file, such as {first}: all of them pass for images without objects"]


def _refuse_if_all_lost(boxes: Sequence[PixelBox], rows: _Rows) -> None:
    """DataError if there are objects, but none that can be read: then the files are of another kind."""
    if boxes and all(box.problem for box in boxes):
        remedy = f"write a class from 0 to {len(rows.names) - 1}, then cx cy width height; with keypoints, tell kpt_shape in the YAML file"
        raise DataError(boxes[0].problem, remedy=remedy)


def _boxes(path: Path, rows: _Rows) -> list[PixelBox]:
    return [_box(line, f"{path}, line {number}", rows) for number, line in enumerate(read_lines(path, path.stem), 1) if line.strip()]


def _box(line: str, where: str, rows: _Rows) -> PixelBox:
    found = [parse_number(word) for word in line.split()]
    label, *numbers = [number for number in found if number is not None] or [-1.0]
    if len(numbers) + 1 < len(found) or label not in range(len(rows.names)):
        return lost_box(f"{where}: {line[:60]!r} is no class and box")
    if len(numbers) == 4 or len(numbers) - 4 == rows.keypoint_numbers:
        x, y, width, height = numbers[:4]
        return PixelBox((x - width / 2, y - height / 2, x + width / 2, y + height / 2), int(label))
    is_even = len(numbers) >= 6 and len(numbers) % 2 == 0
    if rows.keypoint_numbers is None and is_even and min(numbers) >= -_BEYOND and max(numbers) <= 1 + _BEYOND:
        xs, ys = numbers[::2], numbers[1::2]
        return PixelBox((min(xs), min(ys), max(xs), max(ys)), int(label))
    return lost_box(f"{where}: {line[:60]!r} is no class and box, nor a polygon within the image")
