"""COCO data sets (Lin et al., ECCV 2014; cocodataset.org)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medtk_monai.errors import DataError
from medtk_monai.formats.values import as_index, as_list, as_vector
from medtk_monai.importers.cases import ImportedSet, map_cases, some
from medtk_monai.importers.pictures import Picture, PixelBox, find_picture, import_picture, named_apart
from medtk_monai.importers.splits import TEST, TRAINING, VALIDATION
from medtk_monai.json_files import read_json

_SPLITS = {"train": TRAINING, "val": VALIDATION, "valid": VALIDATION, "test": TEST}
Document = dict[str, list[dict[str, Any]]]


def import_coco(source: Path, annotations: str | None = None, images: str | None = None) -> ImportedSet:
    """Boxes ``[x, y, width, height]`` in pixels from the corner of the image; classes in the order of the category ids::

        SRC/annotations/instances_train2017.json    SRC/annotations/instances_val2017.json    SRC/train2017/1.jpg    SRC/val2017/2.jpg
        or SRC/instances.json with SRC/images/1.jpg; or SRC/train/_annotations.coco.json with SRC/train/1.jpg

    Several files are splits, after "train", "val" or "test" in their names or in those of their folders. Crowds, and annotations with
    ``"ignore": 1``, are ignored objects.

    Args:
        source: SRC, or one JSON file.
        annotations: JSON file within SRC.
        images: folder of the images within SRC.

    Raises:
        DataError: a file or image is missing, or not as described; or the files have different categories.
    """
    root = source if source.is_dir() else source.parent
    if annotations:
        files = [root / annotations]
    else:
        patterns = ("*.json", "annotations/instances*.json", "*/_annotations.coco.json")
        files = [source] if source.is_file() else sorted({path for pattern in patterns for path in root.glob(pattern)})
    documents = {path: _read(path) for path in some(files, "files instances*.json", source)}
    categories = {path: _categories(path, document) for path, document in documents.items()}
    first = next(iter(categories))
    for path, known in categories.items():
        if known != categories[first]:
            raise DataError(f"{path} and {first} have different categories", remedy="name one of them by --annotations")
    places = {id_: number for number, id_ in enumerate(sorted(categories[first]))}
    names = [categories[first][id_] for id_ in places]
    pictures = []
    for path, document in documents.items():
        split = _split(path, root) if len(documents) > 1 else ""
        folders = [root / images] if images else [path.parent, root / "images", root, *_folders(path, root)]
        pictures += _pictures(document, places, split, folders, path)
    return ImportedSet(map_cases(lambda picture: import_picture(picture, names), named_apart(pictures), "images"), names)


def _read(path: Path) -> Document:
    document = read_json(path)
    if not isinstance(document, dict):
        raise DataError(f"{path} is a list of results, not a data set", remedy="give the file with images, annotations and categories")
    return {name: as_list(document.get(name), f'{path}: "{name}"') for name in ("images", "annotations", "categories")}


def _categories(path: Path, document: Document) -> dict[int, str]:
    return {
        as_index(entry.get("id"), f"{path}: categories[{n}]: id"): str(entry.get("name")) for n, entry in enumerate(document["categories"])
    }


def _split(path: Path, root: Path) -> str:
    """The split that the name of a file, or of its folder, tells."""
    name = f"{path.parent.name if path.parent != root else ''} {path.stem}"
    found = [split for word, split in _SPLITS.items() if re.search(rf"(?<![a-z]){word}(?![a-z])", name)]
    if not found:
        raise DataError(f"{path}: which split is it?", remedy="name one file by --annotations, or put train, val or test into the names")
    return found[0]


def _folders(path: Path, root: Path) -> list[Path]:
    """Folders named as the last word of the file: instances_train2017.json -> train2017."""
    word = path.stem.split("_")[-1]
    return [root / word, root / "images" / word]


def _pictures(document: Document, places: Mapping[int, int], split: str, folders: Sequence[Path], path: Path) -> list[Picture]:
    found: dict[int, list[PixelBox]] = {
        as_index(entry.get("id"), f"{path}: images[{n}]: id"): [] for n, entry in enumerate(document["images"])
    }
    if len(found) < len(document["images"]):
        raise DataError(f"{path}: images share an id", remedy="give each image its own id")
    for number, entry in enumerate(document["annotations"]):
        where = f"{path}: annotations[{number}]"
        image, category = (as_index(entry.get(key), f"{where}: {key}") for key in ("image_id", "category_id"))
        x, y, width, height = as_vector(entry.get("bbox"), 4, f"{where}: bbox")
        if image not in found or category not in places:
            raise DataError(f"{where} is of image {image} and category {category}, one of which is not listed", remedy="list both")
        ignored = bool(entry.get("iscrowd") or entry.get("ignore"))
        found[image].append(PixelBox((x, y, x + width, y + height), places[category], ignored))
    return [_picture(entry, boxes, split, folders, path) for entry, boxes in zip(document["images"], found.values())]


def _picture(entry: Mapping[str, Any], boxes: Sequence[PixelBox], split: str, folders: Sequence[Path], path: Path) -> Picture:
    name = entry.get("file_name")
    if not isinstance(name, str) or not name:
        raise DataError(f'{path}: image {entry["id"]} has no "file_name"', remedy="add it")
    case = Path(name).stem
    sides = [as_index(entry[key], f"{path}: {key} of {name}", case) for key in ("width", "height") if key in entry]
    size = (sides[0], sides[1]) if len(sides) == 2 else None
    return Picture(case, find_picture(name, folders, case), boxes, split, size=size)
