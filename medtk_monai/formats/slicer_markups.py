"""Markups of 3D Slicer, ``CASE.mrk.json`` (schema v1.0.3): a ROI for each box and a list of points at the centers, in LPS.

A ROI's size runs along the columns of its orientation, so oblique boxes are exact. Score, class and prior id are in the description of
the control points, as ``score 0.93, class 0, prior 7``. A box without any extent is only a point.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.errors import DataError
from medtk_monai.formats.cases import Case, make_case, world_boxes
from medtk_monai.formats.class_names import name_of
from medtk_monai.formats.file_format import Format
from medtk_monai.formats.predictions import case_id_beside
from medtk_monai.formats.values import as_list, as_vector, rounded
from medtk_monai.json_files import read_json, write_json

SCHEMA = "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json#"
_NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
_DESCRIPTION = re.compile(rf"score ({_NUMBER}), class (\d{{1,18}})(?:, prior (\d{{1,18}}))?", re.ASCII)
_SAME_POINT_MM = 1e-3
_SAME_AXIS = 1e-3


@dataclass(frozen=True)
class _Markup:
    """A box or point: center, size and axes in LPS mm; ``size`` and ``axes`` are None for a point."""

    center: np.ndarray
    size: np.ndarray | None = None
    axes: np.ndarray | None = None
    description: str = ""


def write_slicer_markups(path: str | os.PathLike, case: Case, class_names: Sequence[str] | None = None) -> None:
    """Write the markups of one case; the file appears whole or not at all.

    Args:
        class_names: of class 0, 1, ..., shown beside the score; "class 0", "class 1", ... unless given.

    Raises:
        DataError: the case is not 3D, or a class has no name.
    """
    centers, sizes, direction = world_boxes(case, "LPS")
    if len(direction) != 3:
        raise DataError("Slicer's markups are 3D", case["case_id"], "choose another format")
    if np.linalg.det(direction) < 0:
        direction = direction * [1, 1, -1]  # the same box, in a right-handed frame as Slicer has it
    priors = [f", prior {prior}" for prior in case.get("prior_ids", [])] or [""] * len(centers)
    points: list[dict[str, Any]] = []
    for center, score, label, prior in zip(rounded(centers), case["scores"], case["labels"], priors):
        text = f"{name_of(label, class_names, case['case_id'])} {score:.2f}"
        description = f"score {float(score)!r}, class {label}{prior}"
        points.append({"id": str(len(points) + 1), "label": text, "description": description} | _place(center))
    axes = rounded(direction.ravel())
    boxes = [_roi(point, size, axes) for point, size in zip(points, rounded(sizes)) if any(size)]
    write_json(path, {"@schema": SCHEMA, "markups": [*boxes, _markup("Fiducial", points)]})


def _place(center: list[float]) -> dict[str, Any]:
    return {"position": center, "selected": True, "locked": False, "visibility": True, "positionStatus": "defined"}


def _markup(kind: str, points: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": kind, "coordinateSystem": "LPS", "coordinateUnits": "mm", "locked": False, "controlPoints": points}


def _roi(point: dict[str, Any], size: list[float], axes: list[float]) -> dict[str, Any]:
    shape = {"roiType": "Box", "center": point["position"], "orientation": axes, "size": size, "insideOut": False}
    return _markup("ROI", [point | {"id": "1"}]) | shape


def read_slicer_markups(path: str | os.PathLike) -> Case:
    """The case of a markups file, in LPS; its name without ``.mrk.json`` is the case id.

    Only findings.mrk.json beside a predictions.json of one case has the id of that case.
    ROIs are boxes, points are boxes of size 0; a point at the center of a ROI is that ROI's own. Markups drawn by hand have score 1 and
    class 0. Files in RAS are read as well.

    Raises:
        DataError: other kinds of markups, numbers that are missing or not finite, or ROIs that are turned against each other.
    """
    path = Path(path)
    case_id = case_id_beside(path, SLICER)
    document = read_json(path)
    if not isinstance(document, dict) or "markups" not in document:
        raise DataError(f'{path} has no "markups"', case_id, "save the markups as .mrk.json in Slicer")
    entries = as_list(document["markups"], f'{path}: "markups"', case_id)
    found = [markup for number, entry in enumerate(entries) for markup in _read(entry, f"{path}: markups[{number}]")]
    boxes = [markup for markup in found if markup.size is not None]
    centers = np.array([box.center for box in boxes]).reshape(-1, 3)
    lone = [point for point in found if point.size is None and not (np.abs(centers - point.center) < _SAME_POINT_MM).all(axis=1).any()]
    direction = np.eye(3) if not boxes else np.asarray(boxes[0].axes)
    return _make_case(case_id, [*boxes, *lone], direction, path)


def _make_case(case_id: str, markups: list[_Markup], direction: np.ndarray, path: Path) -> Case:
    centers = np.array([markup.center for markup in markups]).reshape(-1, 3)
    sizes = np.array([_size_along(direction, markup, path, case_id) for markup in markups]).reshape(-1, 3)
    notes = [_DESCRIPTION.fullmatch(markup.description) for markup in markups]
    scores, labels = [float(note[1]) if note else 1.0 for note in notes], [int(note[2]) if note else 0 for note in notes]
    priors = [int(note[3]) for note in notes if note and note[3]]
    more = {"prior_ids": priors} if priors and len(priors) == len(markups) else {}
    return make_case(case_id, "LPS", centers, sizes, direction, scores, labels, **more)


def _read(entry: dict[str, Any], where: str) -> list[_Markup]:
    """The ROI or the points of one markup, in LPS."""
    kind, space, units = entry.get("type"), entry.get("coordinateSystem", "LPS"), entry.get("coordinateUnits", "mm")
    if kind not in ("ROI", "Fiducial") or space not in ("LPS", "RAS") or units != "mm":
        remedy = "keep ROIs and points, in LPS or RAS mm"
        raise DataError(f"{where} is of type {kind!r}, in {space!r} and {units!r}", remedy=remedy)
    points = as_list(entry.get("controlPoints", []), f'{where}: "controlPoints"')
    flip = np.array([-1.0, -1.0, 1.0]) if space == "RAS" else np.ones(3)
    placed = [_read_point(point, flip, where) for point in points if point.get("positionStatus", "defined") == "defined"]
    return [_read_roi(entry, placed, flip, where)] if kind == "ROI" else placed


def _read_point(point: dict[str, Any], flip: np.ndarray, where: str) -> _Markup:
    position = as_vector(point.get("position"), 3, f"{where}: the position of a control point")
    description = point.get("description")
    return _Markup(np.array(position) * flip, description=description if isinstance(description, str) else "")


def _read_roi(entry: dict[str, Any], points: list[_Markup], flip: np.ndarray, where: str) -> _Markup:
    if entry.get("roiType", "Box") not in ("Box", "BoundingBox"):
        raise DataError(f"{where} is a ROI of type {entry['roiType']!r}", remedy="draw boxes")
    center, size = (np.array(as_vector(entry.get(key), 3, f"{where}: {key}")) for key in ("center", "size"))
    axes = np.array(as_vector(entry.get("orientation", np.eye(3).ravel().tolist()), 9, f"{where}: orientation")).reshape(3, 3)
    if (size < 0).any() or not np.allclose(np.linalg.norm(axes, axis=0), 1, atol=_SAME_AXIS):
        raise DataError(f"{where}: a size is below 0, or the orientation's columns are no unit vectors", remedy="draw the ROI again")
    roi = _Markup(center * flip, size, axes * flip[:, None])
    return replace(roi, description=points[0].description) if points else roi


def _size_along(direction: np.ndarray, markup: _Markup, path: Path, case_id: str) -> np.ndarray:
    """The size (3,) along the columns of ``direction``, which the markup's axes must be, in any order and either way."""
    if markup.size is None or markup.axes is None:
        return np.zeros(3)
    for order in ([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]):
        axes = markup.axes[:, order]
        signs = np.sign((axes * direction).sum(axis=0))
        if np.allclose(axes * signs, direction, atol=_SAME_AXIS):
            return markup.size[order]
    raise DataError(f"{path}: ROIs are turned against each other", case_id, "give all ROIs of a file the same axes")


SLICER = Format(
    "slicer",
    (".mrk.json",),
    read=lambda path, find_grid, names: [read_slicer_markups(path)],
    write=lambda path, cases, names: write_slicer_markups(path, cases[0], names),
    sign=lambda document: isinstance(document, dict) and "markups" in document,
    dims=(3,),
    needs=("class names",),
    loses=("image paths", "voxel grids"),
    file_name="findings.mrk.json",
    by_default=True,
)
