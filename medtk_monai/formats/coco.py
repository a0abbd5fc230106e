"""COCO data sets in JSON, 2D: boxes in pixels of images, with scores.

``bbox`` is ``[x, y, width, height]`` in pixels from the corner of the image, where x counts columns: the first axis of an image as MONAI
reads PNG and JPEG files. Such images have no millimeters: a pixel is 1 mm wide, and pixel (0, 0) has its center at 0. For scans with
an affine of their own, boxes are the hulls on the scan's grid. Category ids count from 1.

The data set holds two things that COCO does not name: the ``score`` of each annotation, and the ``case_id`` of each image.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.errors import DataError
from medtk_monai.formats.cases import Case, grid_of, voxel_boxes
from medtk_monai.formats.class_names import name_of, named, numbered
from medtk_monai.formats.file_format import Format
from medtk_monai.formats.grids import Grid, case_from_voxels, fit_grid, make_grid
from medtk_monai.formats.values import as_index, as_list, as_number, as_vector, rounded
from medtk_monai.json_files import read_json, write_json


def write_coco(path: str | os.PathLike, cases: Iterable[Case], class_names: Sequence[str] | None = None) -> None:
    """Write a data set of images, annotations and categories; the file appears whole or not at all.

    Args:
        cases: 2D, with their grids.
        class_names: of class 0, 1, ...; "class 0", "class 1", ... for those that occur unless given.

    Raises:
        DataError: a case is not 2D or has no grid, or a class has no name.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    used: set[int] = set(range(len(class_names or [])))
    for number, case in enumerate(cases, 1):
        images.append(_image(case, number))
        lower, upper = np.split(voxel_boxes(case), 2, axis=1)
        for box, score, label in zip(rounded(np.hstack([lower, upper - lower])), case["scores"], case["labels"]):
            kind = {"id": len(annotations) + 1, "image_id": number, "category_id": label + 1}
            annotations.append(kind | {"bbox": box, "area": rounded(box[2] * box[3]), "iscrowd": 0, "score": score})
        used |= set(case["labels"])
    categories = [{"id": label + 1, "name": name_of(label, class_names)} for label in sorted(used)]
    write_json(path, {"images": images, "annotations": annotations, "categories": categories})


def _image(case: Case, number: int) -> dict[str, Any]:
    if len(case["direction"]) != 2:
        raise DataError("COCO files hold boxes in 2D images", case["case_id"], "choose a format for 3D findings")
    (width, height), _ = grid_of(case)
    name = case["image"] or case["case_id"]
    return {"id": number, "file_name": name, "case_id": case["case_id"], "width": width, "height": height}


def image_grid(size: Sequence[int]) -> Grid:
    """The grid of an image without an affine, of ``size`` (width, height), as MONAI reads PNG and JPEG files."""
    return make_grid(size, np.eye(len(size) + 1))


def read_coco(
    path: str | os.PathLike, class_names: Sequence[str] | None = None, find_grid: Callable[[str], Grid | None] = lambda case_id: None
) -> list[Case]:
    """The cases of a COCO data set, one for each image; annotations without a ``score`` have score 1.

    Args:
        path: the JSON file. The case id of an image is its ``case_id``, or its file name without suffix.
        class_names: of class 0, 1, ...; without them "class 3" is class 3, and other categories are counted by their ids.
        find_grid: case id -> grid, for images with an affine; None for those without.

    Raises:
        DataError: not a data set, such as a list of results; an entry lacks a value; or an annotation is of an unknown image or
            category, or of a crowd.
    """
    path = Path(path)
    document = read_json(path)
    if not isinstance(document, dict):
        remedy = 'put the results into a data set, as "annotations" beside its "images" and "categories"'
        raise DataError(f"{path} is a list of results, which does not tell the images", remedy=remedy)
    parts = {name: as_list(document.get(name), f'{path}: "{name}"') for name in ("images", "annotations", "categories")}
    labels = _labels(parts["categories"], class_names, path)
    found: dict[int, list[tuple[list[float], float, int]]] = {
        _id(entry, f"{path}: images[{n}]"): [] for n, entry in enumerate(parts["images"])
    }
    if len(found) < len(parts["images"]):
        raise DataError(f"{path}: images share an id", remedy="give each image its own id")
    for number, entry in enumerate(parts["annotations"]):
        image, finding = _finding(entry, labels, f"{path}: annotations[{number}]")
        if image not in found:
            raise DataError(f"{path}: annotations[{number}] is of image {image}, which is not listed", remedy="list the image")
        found[image].append(finding)
    return [_case(entry, findings, find_grid, path) for entry, findings in zip(parts["images"], found.values())]


def _labels(categories: list[dict[str, Any]], class_names: Sequence[str] | None, path: Path) -> dict[int, int]:
    """Category id -> class."""
    names = {_id(entry, f"{path}: categories[{n}]"): str(entry.get("name", "")) for n, entry in enumerate(categories)}
    ids = sorted(names)
    ordered = [names[key] for key in ids]
    numbers = named(ordered, class_names, str(path)) if class_names is not None else numbered(ordered)
    return dict(zip(ids, range(len(ids)) if numbers is None else numbers))


def _id(entry: dict[str, Any], where: str) -> int:
    return as_index(entry.get("id"), f"{where}: id")


def _finding(entry: dict[str, Any], labels: dict[int, int], where: str) -> tuple[int, tuple[list[float], float, int]]:
    """Image id, and (box as corners, score, class)."""
    image, category = (as_index(entry.get(key), f"{where}: {key}") for key in ("image_id", "category_id"))
    x, y, width, height = as_vector(entry.get("bbox"), 4, f"{where}: bbox")
    if category not in labels:
        raise DataError(f"{where} is of category {category}, which is not listed", remedy="list the category")
    if entry.get("iscrowd", 0) != 0 or min(width, height) < 0:
        raise DataError(f"{where} is a crowd, or its box has a negative size", remedy="correct or remove the annotation")
    return image, ([x, y, x + width, y + height], as_number(entry.get("score", 1.0), f"{where}: score"), labels[category])


def _case(
    entry: dict[str, Any], findings: list[tuple[list[float], float, int]], find_grid: Callable[[str], Grid | None], path: Path
) -> Case:
    name = entry.get("file_name")
    if not isinstance(name, str) or not name:
        raise DataError(f'{path}: image {entry["id"]} has no "file_name"', remedy="add it")
    case_id = str(entry.get("case_id") or Path(name).stem)
    size = [as_index(entry.get(key), f"{path}: {key} of image {name}", case_id) for key in ("width", "height")]
    given = find_grid(case_id)
    grid = image_grid(size) if given is None else fit_grid(given, 2, case_id)
    if grid["size"] != size:
        raise DataError(f"{path}: {name} has {size} pixels here, and {grid['size']} in the image file", case_id, "give the right image")
    boxes, scores, labels = zip(*findings) if findings else ((), (), ())
    return case_from_voxels(case_id, np.array(boxes), grid, scores, labels, "" if name == case_id else name)


def _is_coco(document: Any) -> bool:
    if isinstance(document, list):  # of results
        return bool(document) and isinstance(document[0], dict) and "bbox" in document[0]
    return isinstance(document, dict) and "images" in document and "annotations" in document


COCO = Format(
    "coco",
    (".json",),
    read=lambda path, find_grid, names: read_coco(path, names, find_grid),
    write=write_coco,
    sign=_is_coco,
    one_case=False,
    dims=(2,),
    needs=("images", "class names"),
    loses=("prior ids", "the affines of voxel grids"),
    stored_grid=lambda case: image_grid(case["grid"]["size"]),
)
