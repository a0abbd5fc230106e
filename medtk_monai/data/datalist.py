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

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.data.points import with_point_boxes
from medtk_monai.errors import DataError

SPACES = ("RAS", "LPS")
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
    names = _read_document(path).get(CLASS_NAMES) or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise DataError(f'"{CLASS_NAMES}" of datalist {path} is {names}', remedy='write different names: ["first", "second"]')
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
    """The name of a file without suffixes: "a/case.01.nii.gz" -> "case.01"; the name of a folder."""
    path = Path(path)
    if path.is_dir():
        return path.name
    if path.suffix in (".gz", ".bz2", ".zst"):
        path = path.with_suffix("")
    return path.stem


def _read_split(path: Path, split: str) -> list[Any]:
    """The raw cases of a split; at least one."""
    splits = _read_splits(path)
    if not splits.get(split):
        known = ", ".join(f"{key} ({len(cases)} cases)" for key, cases in splits.items()) or "none"
        raise DataError(f"datalist {path} has no cases in split {split!r}", remedy=f"name one of its splits: {known}")
    return splits[split]


def _read_splits(path: Path) -> dict[str, list[Any]]:
    """The raw cases of each split."""
    return {key: value for key, value in _read_document(path).items() if isinstance(value, list) and key != CLASS_NAMES}


def _read_document(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DataError(f"datalist {path} does not exist", remedy="check the path, or write one with `medtk datalist`")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"datalist {path} is not valid JSON: {error}", remedy="mend the file at that position") from error
    if not isinstance(content, dict):
        raise DataError(f"datalist {path} holds a {type(content).__name__}", remedy='write an object of splits: {"training": [...]}')
    return content


def _check_case(
    item: Any, where: str, root: Path, num_classes: int | None, spatial_dims: int | None, point_radius_mm: float | None
) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise DataError(f"an item is a {type(item).__name__}", where, 'write an object with an "image"')
    item = _without_aliases(item, where)
    if not isinstance(item.get("image"), str) or not item["image"]:
        raise DataError('an item has no path in "image"', where, 'add "image": "path"')
    case = str(item["case_id"] if item.get("case_id") not in (None, "") else case_name(root / item["image"]))
    item = with_point_boxes(item, case, point_radius_mm) | {"case_id": case, "image": _existing(root, item["image"], "image", case)}
    if item.get("label_map") is not None:
        return item | _check_label_map(item, case, root, num_classes)
    return item | _check_boxes(item, case, num_classes, spatial_dims)


def _without_aliases(item: dict[str, Any], where: str) -> dict[str, Any]:
    """A copy with MONAI's key names replaced by ours."""
    item = dict(item)
    label_name = "label_map" if isinstance(item.get("label"), str) else "labels"
    for alias, name in (("box", "boxes"), ("label", label_name)):
        if alias in item:
            if name in item:
                raise DataError(f"an item has both {alias!r} and {name!r}", where, f"keep {name!r}")
            item[name] = item.pop(alias)
    return item


def _existing(root: Path, name: str, role: str, case: str) -> str:
    path = root / Path(name).expanduser()
    if not path.exists():
        raise DataError(f"{role} {path} does not exist", case, "correct the path, or set dataset_dir to the folder that paths start from")
    return str(path)


def _check_label_map(item: dict[str, Any], case: str, root: Path, num_classes: int | None) -> dict[str, Any]:
    if item.get("boxes"):
        raise DataError('an item has both "boxes" and "label_map"', case, "keep one of them")
    if not isinstance(item["label_map"], str):
        raise DataError('"label_map" is not a path', case, 'write "label_map": "path"')
    labels = item.get("labels") or {}
    if not isinstance(labels, dict) or not all(str(key).isdecimal() for key in labels):
        raise DataError('"labels" of a label map does not map mask values to classes', case, 'write "labels": {"1": 0, "2": 1}')
    _check_labels(list(labels.values()), case, num_classes)
    classes = {"labels": {int(key): label for key, label in labels.items()}} if labels else {}
    item.pop("labels", None)
    return {"label_map": _existing(root, item["label_map"], "label map", case), **classes}


def _check_boxes(item: dict[str, Any], case: str, num_classes: int | None, spatial_dims: int | None) -> dict[str, Any]:
    boxes, labels = item.get("boxes") or [], item.get("labels") or []
    if not isinstance(labels, list) or not isinstance(boxes, list) or len(labels) != len(boxes):
        count = len(labels) if isinstance(labels, list) else f"no list of ({type(labels).__name__})"
        raise DataError(f"{count} labels for {len(boxes)} boxes", case, "write one label per box and point")
    _check_labels(labels, case, num_classes)
    ignored = item.get("ignored") or [False] * len(boxes)
    if not isinstance(ignored, list) or len(ignored) != len(boxes) or not all(isinstance(flag, bool) for flag in ignored):
        raise DataError(f'"ignored" is not a list of {len(boxes)} booleans', case, "write true or false for each box")
    result = {"boxes": boxes, "labels": labels, "ignored": ignored}
    if not boxes:
        return result
    if item.get("space") not in SPACES:
        raise DataError(
            f'boxes in "space" {item.get("space")!r}' if "space" in item else 'boxes without a "space"',
            case,
            'add "space": "RAS" (NIfTI, nibabel) or "LPS" (DICOM, ITK, MONAI\'s LUNA16 lists)',
        )
    values = _check_box_values(boxes, case, spatial_dims)
    return result | {"boxes": values.tolist(), "direction": _check_direction(item.get("direction"), case, values.shape[1] // 2)}


def _check_box_values(boxes: Sequence[Any], case: str, spatial_dims: int | None) -> np.ndarray:
    """(N, 2D) float64 centers and sizes."""
    lengths = (2 * spatial_dims,) if spatial_dims else (4, 6)
    for number, box in enumerate(boxes):
        length = len(box) if isinstance(box, list) else None
        if length not in lengths or length != len(boxes[0]):
            what = f"box {number} is {box}, not {' or '.join(map(str, lengths))} numbers"
            raise DataError(what, case, "write the center, then the size: [cx, cy, cz, sx, sy, sz]")
        if not all(isinstance(value, int | float) and np.isfinite(value) for value in box):
            raise DataError(f"box {number} is {box}, with values that are no finite numbers", case, "correct or remove the box")
        if min(box[length // 2 :]) <= 0:
            remedy = "boxes are center and size in mm, not corners; sizes must be above 0"
            raise DataError(f"box {number} has the size {box[length // 2 :]}", case, remedy)
    return np.asarray(boxes, dtype=np.float64)


def _check_direction(direction: Any, case: str, dims: int) -> list[list[float]]:
    """(D, D) unit columns; None is the identity."""
    if direction is None:
        return np.eye(dims).tolist()
    try:
        matrix = np.asarray(direction, dtype=np.float64)
    except (TypeError, ValueError):
        matrix = np.empty(0)
    square = matrix.shape == (dims, dims)
    if not square or not np.allclose(np.linalg.norm(matrix, axis=0), 1, atol=1e-3) or abs(np.linalg.det(matrix)) < 1e-3:
        remedy = f"write {dims} rows of {dims} numbers whose columns are independent unit vectors"
        raise DataError(f'"direction" is {direction}', case, remedy)
    return matrix.tolist()


def _check_labels(labels: Sequence[Any], case: str, num_classes: int | None) -> None:
    for label in labels:
        if not isinstance(label, int) or isinstance(label, bool) or label < 0:
            raise DataError(f"label {label!r} is not a class number", case, "count classes 0, 1, 2, ...")
        if num_classes is not None and label >= num_classes:
            remedy = f"raise num_classes to {label + 1}, or correct the label"
            raise DataError(f"label {label} lies outside [0, {num_classes})", case, remedy)
