"""Datalists of MONAI's model zoo and tutorials, such as those of its LUNA16 detection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.data.box_utils import convert_box_mode

from medtk_monai.data.datalist import SPACES, case_name
from medtk_monai.errors import DataError
from medtk_monai.formats.values import as_index, as_vector
from medtk_monai.importers.cases import ImportedCase, ImportedSet, box_objects, some
from medtk_monai.importers.files import existing
from medtk_monai.importers.splits import TEST
from medtk_monai.importers.table_files import table_columns
from medtk_monai.json_files import read_json

_SPLITS = {"testing": TEST}


def import_monai(source: Path, images: str | None = None, box_mode: str = "cccwhd", space: str = "LPS") -> ImportedSet:
    """Boxes in world mm; the lists of a file are its splits::

        SRC = dataset_fold0.json: {"training": [{"image": "a/a.nii.gz", "box": [[..6..]], "label": [0]}], "validation": [...]}

    Args:
        source: the file.
        images: folder that relative paths start from; by default that of the file.
        box_mode: of MONAI, such as "cccwhd" or "xyzxyz".
        space: frame of the boxes: MONAI's lists of LUNA16 are in LPS.

    Raises:
        DataError: an image is missing, or an entry not as described.
    """
    if space not in SPACES:
        raise DataError(f"space is {space!r}", remedy="choose LPS or RAS")
    if source.is_dir():
        raise DataError(f"{source} is a folder", remedy="name the JSON file")
    document = read_json(source)
    lists = {key: value for key, value in document.items() if isinstance(value, list)} if isinstance(document, Mapping) else {}
    rows = [(key, n, row) for key, items in lists.items() for n, row in enumerate(items) if _has_image(row)]
    some(rows, 'lists of {"image": ..., "box": ..., "label": ...}', source)
    split = {key for key, _, _ in rows}
    strays = [f"{key}[{n}]" for key, items in lists.items() if key in split for n, row in enumerate(items) if not _has_image(row)]
    notes = [f"{len(strays)} entries without an image were left out, such as {strays[0]}"] if strays else []
    folder = source.parent / Path(images).expanduser() if images else source.parent
    cases = [_case(row, _SPLITS.get(key, key), folder, f"{source}: {key}[{n}]", box_mode, space) for key, n, row in rows]
    count = max([0, *(label for case in cases for label in case.labels)]) + 1
    return ImportedSet(cases, ["object"] if count == 1 else [f"class {number}" for number in range(count)], notes)


def _has_image(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("image"), str) and bool(row["image"])


def _case(row: Mapping[str, Any], split: str, folder: Path, where: str, box_mode: str, space: str) -> ImportedCase:
    image = existing(folder / str(row["image"]), "image", where)
    case = str(row.get("case_id") or case_name(image))
    boxes, labels, lost = _boxes(row, where, case)
    centers, sizes = np.split(_centered(boxes, box_mode, where, case), 2, axis=1)
    fields = box_objects(space, centers, sizes, labels)
    columns = table_columns({key: str(value) for key, value in row.items() if isinstance(value, str | int | float)})
    return ImportedCase(case, image, **(fields | {"lost": (*lost, *fields["lost"])}), split=split, columns=columns)


def _boxes(row: Mapping[str, Any], where: str, case: str) -> tuple[list[list[float]], list[int], list[str]]:
    """Boxes, their labels, and what is wrong with those that cannot be read."""
    values, labels = row.get("box", []), row.get("label", [])
    if not isinstance(values, list) or not isinstance(labels, list) or len(labels) != len(values):
        counts = [len(part) if isinstance(part, list) else f"no list of ({type(part).__name__})" for part in (labels, values)]
        return [], [], [f"{where} has {counts[0]} labels for {counts[1]} boxes"]
    lengths = Counter(len(box) for box in values if isinstance(box, list) and len(box) in (4, 6))
    length = lengths.most_common(1)[0][0] if lengths else 6
    boxes, kept, lost = [], [], []
    for number, (box, label) in enumerate(zip(values, labels)):
        try:
            found = as_vector(box, length, f"{where}: box {number}", case), as_index(label, f"{where}: label {number}", case)
        except DataError as error:
            lost.append(error.what)
        else:
            boxes.append(found[0])
            kept.append(found[1])
    return boxes, kept, lost


def _centered(boxes: Sequence[Sequence[float]], box_mode: str, where: str, case: str) -> np.ndarray:
    """(N, 2D) centers and sizes; boxes that end before they begin get negative sizes."""
    array = np.array(boxes, dtype=np.float64)
    if not len(array):
        return np.zeros((0, 6))
    target = "cccwhd" if array.shape[1] == 6 else "ccwh"
    try:
        return np.asarray(array if box_mode == target else convert_box_mode(array, box_mode, target))
    except (ValueError, AssertionError, KeyError) as error:
        remedy = f"choose the box_mode that fits, such as {target}"
        raise DataError(f"{where}: boxes are not {box_mode}: {error}".splitlines()[0], case, remedy) from error
