"""Datalists: JSON files that say which image belongs to which split and where its objects are.

A datalist is an object of splits (``"training"``, ``"validation"``, ``"test"`` or any other name), each a list of cases::

    {"training": [
        {"image": "a.nii.gz", "space": "RAS", "boxes": [[10.0, -4.5, 31.0, 3.0, 4.0, 3.5]], "labels": [0]},
        {"image": "b.nii.gz", "label_map": "b_mask.nii.gz"},
        {"image": "c.nii.gz"}]}

Boxes are center and size in world mm; ``"points"``, with ``"radii"`` in mm or without, stand for balls. A label map marks each object by a
value of its own. A case with none of these has no objects. Beside the splits, ``"class_names": ["a", "b"]`` may name class 0, 1, ...
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.data import case_fields as fields
from medtk_monai.data.points import with_point_boxes
from medtk_monai.errors import DataError
from medtk_monai.json_files import read_json

SPACES = fields.SPACES
CLASS_NAMES = "class_names"
"""The key of a datalist that is no split."""
IMAGE_SUFFIXES = (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
"""Files that count as images when a folder is named."""


def load_datalist(
    datalist: str | Path,
    split: str,
    dataset_dir: str | Path | None = None,
    num_classes: int | None = None,
    spatial_dims: int | None = None,
    point_radius_mm: float | None = None,
) -> list[dict[str, Any]]:
    """Read one split of a datalist and check every case.

    Keys of a case: ``image``; optionally ``case_id`` (default: the file name without suffixes); then either

    - ``boxes`` (N, 2D) ``[center..., size...]`` in world mm, ``labels`` (N,) from 0, ``space`` "RAS" or "LPS", and optionally
      ``direction`` (D, D), whose columns are the boxes' own axes (default: the world axes), and ``ignored`` (N,) bool;
    - ``points`` (M, D) in world mm, and optionally ``radii`` (M,) in mm or null each, in place of boxes or beside them: ``labels`` and
      ``ignored`` then count the boxes first and the points behind them; or
    - ``label_map``, and optionally ``labels``, an object that maps a mask value to its class (default: class 0).

    MONAI's keys ``box`` and ``label`` are read as well; a ``label`` that is a path is a label map. Other keys are kept.

    Args:
        datalist: JSON file.
        split: its key in the file.
        dataset_dir: folder that relative paths start from; by default that of the datalist.
        num_classes: labels must lie in [0, num_classes); None takes any.
        spatial_dims: 2 or 3; None takes either from the length of the boxes.
        point_radius_mm: nominal radius of points that tell none; None refuses such points.

    Returns:
        The cases with absolute paths (str), ``case_id``, and checked fields. Points have become boxes of twice their radius, behind the
        others.

    Raises:
        DataError: a file is missing, or the datalist or a case is not as described.
    """
    path = Path(datalist).expanduser().absolute()
    root = Path(dataset_dir).expanduser().absolute() if dataset_dir else path.parent
    checked = [
        _check_case(item, f"{split}[{number}]", root, num_classes, spatial_dims, point_radius_mm)
        for number, item in enumerate(_read_split(path, split))
    ]
    check_ids(checked, f"split {split!r}")
    return checked


def check_ids(cases: Sequence[dict[str, Any]], where: str) -> None:
    """Refuse cases of one name.

    Raises:
        DataError: two cases have one ``case_id``.
    """
    for case, count in Counter(item["case_id"] for item in cases).items():
        if count > 1:
            raise DataError(f"{count} cases of {where} have this case id", case, 'give each its own "case_id"')


def split_names(datalist: str | Path) -> list[str]:
    """The splits of a datalist that have cases.

    Raises:
        DataError: there is no such file, or it is not as described.
    """
    return [name for name, cases in _read_splits(Path(datalist).expanduser().absolute()).items() if cases and isinstance(cases[0], dict)]


def read_class_names(datalist: str | Path) -> list[str]:
    """The names of class 0, 1, ... that a datalist gives; none where it gives none.

    Raises:
        DataError: there is no such file, or it is not as described.
    """
    path = Path(datalist).expanduser().absolute()
    names = read_content(path).get(CLASS_NAMES) or []
    fields.check_class_names(names, str(path))
    return names


def chosen_split(datalist: str | Path, split: str | None = None) -> str:
    """``split`` if it is named; else "test" where there is one, else the only one.

    Raises:
        DataError: none is named, and the datalist leaves it open.
    """
    if split:
        return split
    names = split_names(datalist)
    if "test" not in names and len(names) != 1:
        raise DataError(f"datalist {datalist} has the splits {', '.join(names) or 'none'}", remedy="name one by --split")
    return "test" if "test" in names else names[0]


def case_name(path: str | Path) -> str:
    """The name of a file without suffixes: "a/case.01.nii.gz" -> "case.01"; the name of a folder. Bytes that are no UTF-8 are spelled out."""
    path = Path(path)
    if path.suffix in (".gz", ".bz2", ".zst") and not path.is_dir():
        path = path.with_suffix("")
    name = path.name if path.is_dir() else path.stem
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def read_content(path: Path, pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> dict[str, Any]:
    """What a datalist file holds: splits, which are lists, and whatever else it tells of the data.

    Args:
        path: JSON file.
        pairs_hook: makes an object from its keys and values, for who wants to see keys that are there twice; by default a dictionary.

    Raises:
        DataError: there is no such file, or it is no JSON object.
    """
    if not path.is_file():
        raise DataError(f"datalist {path} does not exist", remedy="check the path, or write one with `medtk datalist`")
    content = read_json(path, "mend the file at that position", pairs_hook=pairs_hook, any_number=True)
    if not isinstance(content, dict):
        raise DataError(f"datalist {path} holds a {type(content).__name__}", remedy='write an object of splits: {"training": [...]}')
    return content


def _read_split(path: Path, split: str) -> list[Any]:
    """The raw cases of a split; at least one."""
    splits = _read_splits(path)
    if not splits.get(split):
        known = ", ".join(f"{key} ({len(cases)} cases)" for key, cases in splits.items()) or "none"
        raise DataError(f"datalist {path} has no cases in split {split!r}", remedy=f"name one of its splits: {known}")
    return splits[split]


def _read_splits(path: Path) -> dict[str, list[Any]]:
    """The raw cases of each split."""
    return {key: value for key, value in read_content(path).items() if isinstance(value, list) and key != CLASS_NAMES}


def _check_case(
    item: Any, where: str, root: Path, num_classes: int | None, spatial_dims: int | None, point_radius_mm: float | None
) -> dict[str, Any]:
    item = fields.without_aliases(item, where)
    image = fields.image_name(item, where)
    case = case_id_of(item, root)
    fields.check_case_id(case, where)
    item = with_point_boxes(item, case, point_radius_mm) | {"case_id": case, "image": fields.existing_path(root, image, "image", case)}
    if item.get("label_map") is not None:
        return item | _check_label_map(item, case, root, num_classes)
    return item | _check_boxes(item, case, num_classes, spatial_dims)


def case_id_of(item: dict[str, Any], root: Path) -> str:
    """The id of a case with an image: its own, or the name of the image."""
    return str(item["case_id"] if item.get("case_id") not in (None, "") else case_name(root / item["image"]))


def _check_label_map(item: dict[str, Any], case: str, root: Path, num_classes: int | None) -> dict[str, Any]:
    if item.get("boxes"):
        raise DataError('an item has both "boxes" and "label_map"', case, "keep one of them")
    classes = fields.mask_classes(item.pop("labels", None), case)
    for label in classes.values():
        fields.check_label(label, case, num_classes)
    path = {"label_map": fields.existing_path(root, item["label_map"], "label map", case)}
    return path | ({"labels": classes} if classes else {})


def _check_boxes(item: dict[str, Any], case: str, num_classes: int | None, spatial_dims: int | None) -> dict[str, Any]:
    boxes, labels = fields.boxes_and_labels(item, case)
    for label in labels:
        fields.check_label(label, case, num_classes)
    result = {"boxes": boxes, "labels": labels, "ignored": fields.ignored_flags(item, len(boxes), case)}
    if not boxes:
        return result
    fields.check_space(item, case)
    lengths = (2 * spatial_dims,) if spatial_dims else (4, 6)
    for number, box in enumerate(boxes):
        fields.check_length(box, number, lengths if number == 0 else (len(boxes[0]),), case)
        fields.check_finite(box, number, case)
        fields.check_sizes(box, number, case)
    values = np.asarray(boxes, dtype=np.float64)
    return result | {"boxes": values.tolist(), "direction": fields.direction_of(item, case, values.shape[1] // 2)}
