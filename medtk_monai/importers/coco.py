"""COCO data sets (Lin et al., ECCV 2014; cocodataset.org)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medtk_monai.errors import DataError
from medtk_monai.formats.values import as_index
from medtk_monai.importers.cases import ImportedSet, map_cases, some
from medtk_monai.importers.coco_objects import read_object
from medtk_monai.importers.files import listed
from medtk_monai.importers.pictures import Picture, PixelBox, find_picture, import_picture, lost_box, named_apart
from medtk_monai.importers.splits import TEST, TRAINING, VALIDATION
from medtk_monai.json_files import read_json

_SPLITS = {"train": TRAINING, "val": VALIDATION, "valid": VALIDATION, "test": TEST}
_PATTERNS = ("*.json", "annotations/instances*.json", "*/_annotations.coco.json")
_LISTS = ("images", "annotations", "categories")
Document = dict[str, list[Any]]


def import_coco(source: Path, annotations: str | None = None, images: str | None = None) -> ImportedSet:
    """Boxes ``[x, y, width, height]`` in pixels from the corner of the image; classes in the order of the category ids::

        SRC/annotations/instances_train2017.json    SRC/annotations/instances_val2017.json    SRC/train2017/1.jpg    SRC/val2017/2.jpg
        or SRC/instances.json with SRC/images/1.jpg; or SRC/train/_annotations.coco.json with SRC/train/1.jpg

    Several files are splits, after "train", "val" or "test" in their names or in those of their folders. Crowds, and annotations with
    ``"ignore": 1``, are ignored objects. Where an annotation has no box, what encloses its polygons or run lengths is taken. Categories of one
    name are one class. Ids may be text.

    Args:
        source: SRC, or one JSON file.
        annotations: JSON file within SRC.
        images: folder of the images within SRC.

    Raises:
        DataError: a file or image is missing, or not as described; or the files have different categories.
    """
    root = source if source.is_dir() else source.parent
    named = [root / annotations] if annotations else [source] if source.is_file() else []
    documents, notes = _documents(named, root)
    categories = {path: _categories(path, document) for path, document in documents.items()}
    first = next(iter(categories))
    for path, known in categories.items():
        if set(known.values()) != set(categories[first].values()):
            raise DataError(f"{path} and {first} have different categories", remedy="name one of them by --annotations")
    names = list(dict.fromkeys(categories[first].values()))
    pictures = []
    for path, document in documents.items():
        split = _split(path, root) if len(documents) > 1 else ""
        folders = [root / images] if images else [path.parent, root / "images", root, *_folders(path, root)]
        labels = {id_: names.index(name) for id_, name in categories[path].items()}
        objects, strays = _objects(document, labels, path)
        pictures += [_picture(entry, boxes, split, folders, path) for entry, boxes in objects]
        notes += [f"{path}: {len(strays)} annotations of images that it does not list were left out, such as {strays[0]}"] if strays else []
    return ImportedSet(map_cases(lambda picture: import_picture(picture, names), named_apart(pictures), "images"), names, notes)


def _documents(named: Sequence[Path], root: Path) -> tuple[dict[Path, Document], list[str]]:
    """The data sets of some files, or of those in a folder; and notes on files that were passed over."""
    files = named or some(listed(root, *_PATTERNS), "files instances*.json", root)
    contents = {path: read_json(path, any_number=True) for path in files}
    lacking = {path: _lacking(content) for path, content in contents.items()}
    whole = [path for path in files if not lacking[path]]
    if not whole or (named and len(whole) < len(named)):
        path = next(path for path in files if lacking[path])
        raise DataError(f"{path} {lacking[path]}", remedy="give the file with images, annotations and categories")
    # Beside the boxes of a data set, its captions and keypoints may lie, of the same images.
    usual = [path for path in whole if path.name.lower().startswith(("instances", "_annotations"))] or whole
    reasons = lacking | {path: "is not called instances, as others are" for path in whole if path not in usual}
    notes = [f"{path} was passed over: it {reasons[path]}" for path in files if path not in usual]
    return {path: {name: contents[path][name] for name in _LISTS} for path in usual}, notes


def _lacking(content: Any) -> str:
    """What keeps the content of a file from being a data set, "" if nothing does."""
    if isinstance(content, list):
        return "is a list of results, not a data set"
    missing = [name for name in _LISTS if not isinstance(content, dict) or not isinstance(content.get(name), list)]
    return f"has no list of {' and '.join(missing)}" if missing else ""


def _id(value: Any, what: str) -> str:
    """An id, which may be a number or text, as text: 1, 1.0 and "1" are one.

    Raises:
        DataError: it is neither.
    """
    return value.strip() if isinstance(value, str) and value.strip() else str(as_index(value, what))


def _categories(path: Path, document: Document) -> dict[str, str]:
    """Id -> name, in the order of the ids."""
    found = {}
    for number, entry in enumerate(document["categories"]):
        where = f"{path}: categories[{number}]"
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise DataError(f"{where} has no name", remedy='write {"id": 1, "name": "lesion"}')
        found[_id(entry.get("id"), f"{where}: id")] = entry["name"]
    if not found:
        raise DataError(f"{path} has no categories", remedy='list them: {"id": 1, "name": "lesion"}')
    return dict(sorted(found.items(), key=lambda item: (not item[0].isdecimal(), int(item[0]) if item[0].isdecimal() else 0, item[0])))


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


def _objects(document: Document, labels: Mapping[str, int], path: Path) -> tuple[list[tuple[Mapping[str, Any], list[PixelBox]]], list[str]]:
    """Each image with its objects; and which annotations are of none of them."""
    images = [_image(entry, f"{path}: images[{number}]") for number, entry in enumerate(document["images"])]
    ids = [_id(entry.get("id"), f"{path}: images[{number}]: id") for number, entry in enumerate(images)]
    if len(set(ids)) < len(ids):
        twice = Counter(ids).most_common(1)[0][0]
        raise DataError(f"{path}: images share the id {twice}", remedy="give each image its own id")
    found: dict[str, list[PixelBox]] = {id_: [] for id_ in ids}
    strays = []
    for number, entry in enumerate(document["annotations"]):
        where = f"{path}: annotations[{number}]"
        image = _known(entry.get("image_id") if isinstance(entry, dict) else None, found)
        if image is None:
            strays.append(f"annotations[{number}]")
            continue
        category = _known(entry.get("category_id"), labels)
        lost = lost_box(f"{where} is of category {str(entry.get('category_id'))[:60]}, which is not listed")
        found[image].append(lost if category is None else read_object(entry, labels[category], where))
    return list(zip(images, found.values())), strays


def _image(entry: Any, where: str) -> Mapping[str, Any]:
    name = entry.get("file_name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name.strip():
        raise DataError(f'{where} has no "file_name"', remedy="add it")
    return entry


def _known(value: Any, known: Mapping[str, Any]) -> str | None:
    """A value as an id, if it is one of these."""
    try:
        found = _id(value, "id")
    except DataError:
        return None
    return found if found in known else None


def _picture(entry: Mapping[str, Any], boxes: Sequence[PixelBox], split: str, folders: Sequence[Path], path: Path) -> Picture:
    name = entry["file_name"]
    file = find_picture(name, folders, Path(name).stem[:100])
    sides = [as_index(entry[key], f"{path}: {key} of {name}", file.stem) for key in ("width", "height") if entry.get(key) is not None]
    size = (sides[0], sides[1]) if len(sides) == 2 and all(sides) else None
    return Picture(file.stem, file, boxes, split, size=size)
