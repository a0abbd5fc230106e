"""predictions.json: what was found in scans, in world millimeters, exact for oblique ones; see ``cases`` for the entries."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.atomic import write_text_atomically
from medtk_monai.errors import DataError
from medtk_monai.formats.file_format import Format
from medtk_monai.json_files import read_json

FORMAT = "medtk_monai predictions"
VERSION = 1
_CASE_KEYS = ("case_id", "image", "space", "direction", "boxes", "scores", "labels")
_UNIT_TOLERANCE = 1e-3
OPERATING_POINTS = "thresholds.json"
"""Beside findings: the thresholds that the model which made them goes by."""
PREDICTIONS = "predictions.json"
"""The name of the file, unless a user gives another."""
_INT64_LIMIT = 2**63
_FLOAT32_LIMIT = 3e38


def write_predictions(path: str | os.PathLike, cases: Iterable[dict[str, Any]]) -> None:
    """Write predictions.json, one case per line; the file appears whole or not at all.

    Args:
        path: the file; missing folders are made.
        cases: from case_prediction.

    Raises:
        DataError: a case could not be read again (see read_predictions).
    """
    cases = list(cases)
    _check_cases(cases, Path(path))
    lines = ",\n".join(json.dumps(case, allow_nan=False) for case in cases)
    write_text_atomically(path, f'{{"format": "{FORMAT}", "version": {VERSION}, "cases": [\n{lines}\n]}}\n')


def read_predictions(path: str | os.PathLike) -> list[dict[str, Any]]:
    """The checked cases of a predictions.json; ``detections_from_case`` turns one into boxes in voxels.

    Raises:
        DataError: not JSON, another format or version, a missing key, lengths that differ, numbers that are not finite, or a
            case listed twice. The message names file and case.
        FileNotFoundError: there is no such file.
    """
    path = Path(path)
    document = read_json(path, "write it again with write_predictions", any_number=True)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise DataError(f"{path} is not a predictions file", remedy=f'its "format" must be "{FORMAT}"')
    if document.get("version") != VERSION:
        raise DataError(f"{path} has version {document.get('version')!r}", remedy=f"this release reads version {VERSION}")
    cases = document.get("cases")
    if not isinstance(cases, list):
        raise DataError(f'{path} has no list "cases"')
    _check_cases(cases, path)
    return cases


def case_id_beside(path: Path, kind: Format) -> str:
    """The case of a file of one case: that in its name.

    Predictions of all cases have files of one name, each in the folder of its case: that of the predictions.json of one case beside it.
    """
    beside = path.with_name(PREDICTIONS)
    if path.name != kind.file_name or not beside.is_file():
        return kind.case_name(path)
    try:
        cases = read_predictions(beside)
    except DataError:
        return kind.case_name(path)  # a file of somebody else's
    return cases[0]["case_id"] if len(cases) == 1 else kind.case_name(path)


def _check_cases(cases: list[Any], path: Path) -> None:
    seen: set[str] = set()
    for number, case in enumerate(cases):
        name = case.get("case_id") if isinstance(case, dict) else None
        if not isinstance(name, str):
            raise DataError(f'{path}: entry {number} of "cases" has no "case_id"')
        if name in seen:
            raise DataError(f"{path}: the case is listed twice", name, "give each case a case_id of its own")
        seen.add(name)
        problem = _find_problem(case)
        if problem:
            raise DataError(f"{path}: {problem}", name)


def _find_problem(case: dict[str, Any]) -> str | None:
    """What is wrong with one case, if anything."""
    missing = [key for key in _CASE_KEYS if key not in case]
    if missing:
        return f"missing {', '.join(map(repr, missing))}"
    if not isinstance(case["image"], str):
        return "'image' must be the path of the scan, or \"\" if it is unknown"
    if case["space"] not in ("RAS", "LPS"):
        return f"'space' is {case['space']!r}, it must be 'RAS' or 'LPS'"
    direction, boxes, count = case["direction"], case["boxes"], len(case["boxes"]) if isinstance(case["boxes"], list) else 0
    dims = len(direction) if isinstance(direction, list) else 0
    if dims not in (2, 3) or not _is_matrix(direction, dims, dims):
        return "'direction' must be 2 x 2 or 3 x 3 finite numbers"
    if any(abs(sum(row[axis] ** 2 for row in direction) - 1) > _UNIT_TOLERANCE for axis in range(dims)):
        return "the columns of 'direction' must be unit vectors, without the voxel spacing"
    if not _is_matrix(boxes, count, 2 * dims) or any(size < 0 for box in boxes for size in box[dims:]):
        return f"each of 'boxes' must be {2 * dims} finite numbers: a center and side lengths of at least 0"
    if not _is_vector(case["scores"], count):
        return f"'scores' must be {count} finite numbers, one for each box"
    for key in [key for key in ("labels", "prior_ids") if key in case]:
        if not _is_index_vector(case[key], count):
            return f"{key!r} must be {count} integers from 0, one for each box"
    if "grid" in case and not _is_grid(case["grid"], dims):
        return f"'grid' must have a 'size' of {dims} integers and an 'affine' of {dims + 1} x {dims + 1} numbers that can be inverted"
    return None


def _is_grid(grid: Any, dims: int) -> bool:
    if not isinstance(grid, dict) or not _is_index_vector(grid.get("size"), dims) or not _is_matrix(grid.get("affine"), dims + 1, dims + 1):
        return False
    return min(grid["size"]) > 0 and bool(np.linalg.det(grid["affine"]) != 0)


def _is_vector(values: Any, length: int) -> bool:
    return isinstance(values, list) and len(values) == length and all(_is_finite(v) for v in values)


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _FLOAT32_LIMIT


def _is_index_vector(values: Any, length: int) -> bool:
    return _is_vector(values, length) and all(isinstance(v, int) and 0 <= v < _INT64_LIMIT for v in values)


def _is_matrix(values: Any, rows: int, columns: int) -> bool:
    return isinstance(values, list) and len(values) == rows and all(_is_vector(row, columns) for row in values)


MEDTK = Format(
    "medtk",
    (".json",),
    read=lambda path, find_grid, names: read_predictions(path),
    write=lambda path, cases, names: write_predictions(path, cases),
    aliases=("json",),
    sign=lambda document: isinstance(document, dict) and document.get("format") == FORMAT,
    one_case=False,
    file_name=PREDICTIONS,
    by_default=True,
)
