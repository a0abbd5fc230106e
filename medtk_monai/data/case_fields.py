"""The fields of a datalist's case, one check each: who reads a datalist strictly stops at the first fault, who looks for faults goes on."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.errors import DataError

SPACES = ("RAS", "LPS")
ALIASES = (("box", "boxes"), ("label", "labels"))


def without_aliases(item: Any, where: str) -> dict[str, Any]:
    """A copy of a case with MONAI's key names replaced by ours.

    Raises:
        DataError: it is no object, or has a key under both names.
    """
    if not isinstance(item, dict):
        raise DataError(f"an item is a {type(item).__name__}", where, 'write an object with an "image"')
    item = dict(item)
    for alias, name in ALIASES:
        name = "label_map" if alias == "label" and isinstance(item.get("label"), str) else name
        if alias in item:
            if name in item:
                raise DataError(f"an item has both {alias!r} and {name!r}", where, f"keep {name!r}")
            item[name] = item.pop(alias)
    return item


def check_class_names(names: Any, where: str) -> None:
    """DataError unless the names of class 0, 1, ... are different words."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise DataError(f'"class_names" of datalist {where} is {str(names)[:60]}', remedy='write different names: ["first", "second"]')


def image_name(item: dict[str, Any], where: str) -> str:
    """The image as it is written; DataError without one."""
    if not isinstance(item.get("image"), str) or not item["image"]:
        raise DataError('an item has no path in "image"', where, 'add "image": "path"')
    return item["image"]


def check_case_id(case: str, where: str) -> None:
    """DataError for a name that is no text: half of a pair of surrogates cannot be written to any file."""
    try:
        case.encode()
    except UnicodeEncodeError:
        raise DataError(f"case id {case!r} has half a character, which no file can hold", where, "correct the case id") from None


def existing_path(root: Path, name: Any, role: str, case: str) -> str:
    """The absolute path of a file or folder; DataError where there is none."""
    if not isinstance(name, str):
        raise DataError(f'"{role.replace(" ", "_")}" is not a path', case, f'write "{role.replace(" ", "_")}": "path"')
    path = root / Path(name).expanduser()
    if not path.exists():
        raise DataError(f"{role} {path} does not exist", case, "correct the path, or set dataset_dir to the folder that paths start from")
    return str(path)


def mask_classes(labels: Any, case: str) -> dict[int, Any]:
    """The classes of mask values, still to be checked; DataError unless keys are mask values."""
    labels = labels or {}
    if not isinstance(labels, dict) or not all(str(key).isdecimal() for key in labels):
        raise DataError('"labels" of a label map does not map mask values to classes', case, 'write "labels": {"1": 0, "2": 1}')
    return {int(key): label for key, label in labels.items()}


def boxes_and_labels(item: dict[str, Any], case: str) -> tuple[list[Any], list[Any]]:
    """Boxes and their labels, still to be checked; DataError unless they are equally long lists."""
    boxes, labels = item.get("boxes") or [], item.get("labels") or []
    if not isinstance(boxes, list):
        raise DataError(f'"boxes" is a {type(boxes).__name__}', case, "write a list of boxes, and one label per box")
    if not isinstance(labels, list) or len(labels) != len(boxes):
        count = len(labels) if isinstance(labels, list) else f"no list of ({type(labels).__name__})"
        raise DataError(f"{count} labels for {len(boxes)} boxes", case, "write one label per box and point")
    return boxes, labels


def ignored_flags(item: dict[str, Any], count: int, case: str) -> list[bool]:
    """(N,) booleans; DataError unless there is one for each box."""
    ignored = item.get("ignored") or [False] * count
    if not isinstance(ignored, list) or len(ignored) != count or not all(isinstance(flag, bool) for flag in ignored):
        raise DataError(f'"ignored" is not a list of {count} booleans', case, "write true or false for each box")
    return ignored


def check_space(item: dict[str, Any], case: str) -> None:
    """DataError unless the frame of the boxes is stated."""
    if item.get("space") not in SPACES:
        raise DataError(
            f'boxes in "space" {item.get("space")!r}' if "space" in item else 'boxes without a "space"',
            case,
            'add "space": "RAS" (NIfTI, nibabel) or "LPS" (DICOM, ITK, MONAI\'s LUNA16 lists)',
        )


def check_length(box: Any, number: int, lengths: Sequence[int], case: str) -> None:
    """DataError unless a box has one of some numbers of values."""
    if not isinstance(box, list) or len(box) not in lengths:
        what = f"box {number} is {box}, not {' or '.join(map(str, lengths))} numbers"
        raise DataError(what, case, "write the center, then the size: [cx, cy, cz, sx, sy, sz]")


def check_finite(box: Sequence[Any], number: int, case: str) -> None:
    """DataError unless all values of a box are finite numbers."""
    if not all(is_finite(value) for value in box):
        raise DataError(f"box {number} is {box}, with values that are no finite numbers", case, "correct or remove the box")


def is_finite(value: Any) -> bool:
    """Whether a value is a finite number."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def check_sizes(box: Sequence[float], number: int, case: str) -> None:
    """DataError unless all sizes of a box (2D,) are above 0."""
    sizes = box[len(box) // 2 :]
    if min(sizes) <= 0:
        raise DataError(f"box {number} has the size {sizes}", case, "boxes are center and size in mm, not corners; sizes must be above 0")


def direction_of(item: dict[str, Any], case: str, dims: int) -> list[list[float]]:
    """(D, D) unit columns, the identity where none is given; DataError if they are none."""
    direction = item.get("direction")
    if direction is None:
        return np.eye(dims).tolist()
    try:
        matrix = np.asarray(direction, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        matrix = np.empty(0)
    square = matrix.shape == (dims, dims)
    if not square or not np.allclose(np.linalg.norm(matrix, axis=0), 1, atol=1e-3) or abs(np.linalg.det(matrix)) < 1e-3:
        remedy = f"write {dims} rows of {dims} numbers whose columns are independent unit vectors"
        raise DataError(f'"direction" is {direction}', case, remedy)
    return matrix.tolist()


def check_label(label: Any, case: str, num_classes: int | None) -> None:
    """DataError unless a label is a class number, in [0, num_classes) if that is known."""
    if not isinstance(label, int) or isinstance(label, bool) or label < 0:
        raise DataError(f"label {label!r} is not a class number", case, "count classes 0, 1, 2, ...")
    if num_classes is not None and label >= num_classes:
        remedy = f"raise num_classes to {label + 1}, or correct the label"
        raise DataError(f"label {label} lies outside [0, {num_classes})", case, remedy)
