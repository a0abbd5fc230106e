"""YOLO's text files, as Ultralytics lays them out (docs.ultralytics.com/datasets/detect)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medtk_monai.errors import DataError
from medtk_monai.formats.values import parse_number
from medtk_monai.importers.cases import ImportedSet, existing, map_cases, some
from medtk_monai.importers.pictures import SUFFIXES, Picture, PixelBox, import_picture, named_apart
from medtk_monai.importers.plain_yaml import read_plain_yaml
from medtk_monai.importers.splits import TEST, TRAINING, VALIDATION

_SPLITS = {"train": TRAINING, "val": VALIDATION, "test": TEST}


def import_yolo(source: Path) -> ImportedSet:
    """Lines ``class cx cy width height``, shares of the image's width and height; polygons, of three corners and more, become boxes::

        SRC/data.yaml (path, train, val, test, names)    SRC/images/train/a.jpg    SRC/labels/train/a.txt

    ``train``, ``val`` and ``test`` are folders of images, or text files that list images. The labels of an image lie where its path has
    "labels" for the last "images"; an image without such a file has no objects.

    Args:
        source: SRC, or its YAML file under another name.

    Raises:
        DataError: a file is missing, or not as described.
    """
    path = source if source.is_file() else existing(source / "data.yaml", "description")
    document = read_plain_yaml(path)
    names = _names(document.get("names"), path)
    pictures = []
    for key, split in _SPLITS.items():
        for image in _images(document.get(key), path, document.get("path")):
            pictures.append(Picture(image.stem, image, _boxes(_label_file(image), names), split, relative=True))
    some(pictures, "images in train, val or test", path)
    return ImportedSet(map_cases(lambda picture: import_picture(picture, names), named_apart(pictures), "images"), names)


def _names(names: Any, path: Path) -> list[str]:
    """Of class 0, 1, ..."""
    if isinstance(names, dict) and set(names) == set(range(len(names))):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not names or len(set(names)) < len(names):
        raise DataError(f"{path}: names are {names}", remedy="name class 0, 1, ..., each differently: names: [first, second]")
    return [str(name) for name in names]


def _images(places: Any, path: Path, base: Any) -> list[Path]:
    """The images of one or several folders or lists, relative to the base where there is such a folder, else to the YAML file."""
    found = []
    roots = [path.parent / str(base or "."), path.parent]
    for place in places if isinstance(places, list) else [places] if places else []:
        # Exported sets often write ../train/images for a folder beside the file.
        options = [root / part for root in roots for part in (str(place), str(place).removeprefix("../"))]
        folder = next((option for option in options if option.exists()), options[0])
        existing(folder, "images")
        found += _listed(folder) if folder.is_file() else sorted(item for item in folder.rglob("*") if item.suffix.lower() in SUFFIXES)
    return found


def _listed(path: Path) -> list[Path]:
    return [path.parent / line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]


def _label_file(image: Path) -> Path:
    parts = list(image.parts)
    places = [index for index, part in enumerate(parts[:-1]) if part == "images"]
    if places:
        parts[places[-1]] = "labels"
    return Path(*parts).with_suffix(".txt")


def _boxes(path: Path, names: Sequence[str]) -> list[PixelBox]:
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return [_box(line, f"{path}, line {number}", names, path.stem) for number, line in enumerate(lines, 1) if line.strip()]


def _box(line: str, where: str, names: Sequence[str], case: str) -> PixelBox:
    label, *found = line.split()
    numbers = [number for number in map(parse_number, found) if number is not None]
    is_polygon = len(numbers) >= 6 and len(numbers) % 2 == 0
    if len(numbers) < len(found) or not (len(numbers) == 4 or is_polygon) or not label.isdecimal() or int(label) >= len(names):
        remedy = f"write a class from 0 to {len(names) - 1}, then cx cy width height"
        raise DataError(f"{where}: {line[:60]!r} is no class and box", case, remedy)
    if is_polygon:
        xs, ys = numbers[::2], numbers[1::2]
        return PixelBox((min(xs), min(ys), max(xs), max(ys)), int(label))
    x, y, width, height = numbers
    return PixelBox((x - width / 2, y - height / 2, x + width / 2, y + height / 2), int(label))
