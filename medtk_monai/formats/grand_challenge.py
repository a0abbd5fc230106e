"""Points as grand-challenge.org exchanges them: one JSON file of type "Multiple points" for each image, 3D.

Points are the centers, in the millimeters of the image, LPS; ``name`` is the class and ``probability`` the score. Sizes are lost.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.errors import DataError
from medtk_monai.formats.cases import Case, make_case, world_boxes
from medtk_monai.formats.class_names import labels_of, name_of
from medtk_monai.formats.file_format import Format
from medtk_monai.formats.values import as_list, as_number, as_vector, rounded
from medtk_monai.json_files import read_json, write_json

TYPE = "Multiple points"


def write_points(path: str | os.PathLike, case: Case, class_names: Sequence[str] | None = None) -> None:
    """Write the centers of one case; the file appears whole or not at all.

    Args:
        class_names: of class 0, 1, ...; "class 0", "class 1", ... unless given.

    Raises:
        DataError: the case is not 3D, a class has no name, or a score is no probability.
    """
    centers, _, direction = world_boxes(case, "LPS")
    if len(direction) != 3:
        raise DataError("grand-challenge's points are 3D", case["case_id"], "choose another format")
    if not all(0 <= score <= 1 for score in case["scores"]):
        raise DataError("grand-challenge takes scores from 0 to 1", case["case_id"], "turn the scores into probabilities")
    names = [name_of(label, class_names, case["case_id"]) for label in case["labels"]]
    points = [{"name": name, "point": point, "probability": score} for name, point, score in zip(names, rounded(centers), case["scores"])]
    write_json(path, {"name": case["case_id"], "type": TYPE, "points": points, "version": {"major": 1, "minor": 0}})


def read_points(path: str | os.PathLike, class_names: Sequence[str] | None = None) -> Case:
    """The case of a file of points: boxes of size 0, in LPS.

    Args:
        path: its name without suffix is the case id; points.json, as predictions call it, tells the case id by its ``name``, which
            other programs give to the kind of points.
        class_names: of class 0, 1, ... Without them "class 3" is class 3, and a file with one other name is all class 0.

    Raises:
        DataError: another type or version, a point without three finite numbers, or an unknown name.
    """
    path = Path(path)
    document = read_json(path)
    if not isinstance(document, dict) or document.get("type") != TYPE:
        raise DataError(f"{path} is not a file of points", remedy=f'its "type" must be "{TYPE}"')
    version = document.get("version")
    if version is not None and (not isinstance(version, dict) or version.get("major") != 1):
        raise DataError(f"{path} has version {version!r}", remedy="this release reads version 1")
    entries = as_list(document.get("points"), f'{path}: "points"')
    points = [as_vector(entry.get("point"), 3, f"{path}: points[{number}]") for number, entry in enumerate(entries)]
    scores = [as_number(entry.get("probability", 1.0), f"{path}: the probability of points[{n}]") for n, entry in enumerate(entries)]
    labels = labels_of([_name(entry) for entry in entries], class_names, str(path))
    centers = np.array(points, dtype=np.float64).reshape(-1, 3)
    return make_case(_case_id(path, document), "LPS", centers, np.zeros_like(centers), None, scores, labels)


def _case_id(path: Path, document: dict[str, Any]) -> str:
    stated = _name(document) if path.name == POINTS.file_name else ""
    return stated or POINTS.case_name(path)


def _name(entry: dict[str, Any]) -> str:
    name = entry.get("name")
    return name if isinstance(name, str) else ""


POINTS = Format(
    "points",
    (".json",),
    read=lambda path, find_grid, names: [read_points(path, names)],
    write=lambda path, cases, names: write_points(path, cases[0], names),
    sign=lambda document: isinstance(document, dict) and document.get("type") == TYPE,
    dims=(3,),
    needs=("class names",),
    loses=("sizes", "prior ids", "image paths", "voxel grids"),
    file_name="points.json",
    by_default=True,
)
