"""nnDetection's predictions: ``CASE_boxes.pkl`` is read, ``CASE_boxes.json`` with the same content is read and written.

``pred_boxes`` (N, 2D), ``pred_scores`` (N,), ``pred_labels`` (N,). The boxes count voxels of the array that SimpleITK makes of a scan,
whose axes run (z, y, x), against the order of the scan's own axes. The numbers of a box are ``(min 0, min 1, max 0, max 1, min 2,
max 2)`` of the array's axes 0, 1 and 2: in nnDetection's words ``(x1, y1, x2, y2, z1, z2)``, where "x" is the scan's z. In 2D
there are four.

nnDetection draws a box one voxel wide around its object, from the first voxel - 1 to the last voxel + 1, where whole numbers are
voxel centers; its own program paints ``array[x1 + 1 : x2]``. So (4, ..., 8) holds the voxels 5, 6 and 7, which here is [5, 8).

The optional ``original_size_of_raw_data`` (z, y, x) and ``itk_spacing``, ``itk_origin`` and ``itk_direction`` (x, y, z; LPS) tell the grid.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.errors import DataError
from medtk_monai.formats.array_pickle import load_arrays
from medtk_monai.formats.cases import Case, grid_of, voxel_boxes
from medtk_monai.formats.file_format import FindGrid, Format, Names
from medtk_monai.formats.grids import Grid, case_from_voxels, fit_grid, make_grid
from medtk_monai.formats.values import as_index, as_list, as_vector, rounded
from medtk_monai.json_files import read_json, write_json

_FINDINGS = ("pred_boxes", "pred_scores", "pred_labels")
_GRID = ("original_size_of_raw_data", "itk_spacing", "itk_origin", "itk_direction")
_COLUMNS = {2: [0, 1, 2, 3], 3: [0, 1, 4, 2, 3, 5]}
"""Places of (min 0, min 1, ..., max 0, max 1, ...) in a box of nnDetection."""
_MARGIN = 1


def write_nndetection(path: str | os.PathLike, case: Case) -> None:
    """Write the JSON form of one case; the file appears whole or not at all.

    Args:
        path: ``CASE_boxes.json``.
        case: with its grid; boxes that are oblique to it become their hulls.

    Raises:
        DataError: the case has no grid, or the path is that of a pickle.
    """
    if str(path).endswith(".pkl"):
        raise DataError(f"{path}: pickles are read but not written", case["case_id"], "name a file that ends with _boxes.json")
    size, affine = grid_of(case)
    dims = len(size)
    lower, upper = np.split(voxel_boxes(case), 2, axis=1)
    boxes = np.empty((len(lower), 2 * dims))
    boxes[:, _COLUMNS[dims]] = np.hstack([lower[:, ::-1] - _MARGIN, upper[:, ::-1]])
    findings = dict(zip(_FINDINGS, (rounded(boxes), case["scores"], case["labels"])))
    write_json(path, findings | _itk_grid(size, affine.numpy()))


def _itk_grid(size: tuple[int, ...], affine: np.ndarray) -> dict[str, Any]:
    flipped = _swap_frame(affine)
    spacing = np.linalg.norm(flipped[:-1, :-1], axis=0)
    direction = (flipped[:-1, :-1] / spacing).ravel()
    return dict(zip(_GRID, (list(size[::-1]), spacing.tolist(), flipped[:-1, -1].tolist(), (direction + 0.0).tolist())))


def _swap_frame(affine: np.ndarray) -> np.ndarray:
    """RAS <-> LPS, (D + 1, D + 1)."""
    return affine * np.array([-1.0, -1.0, *[1.0] * (len(affine) - 2)])[:, None] + 0.0


def read_nndetection(path: str | os.PathLike, grid: Grid | None = None) -> Case:
    """The case of a ``CASE_boxes.pkl`` or ``CASE_boxes.json``, in RAS; its name without these endings is the case id.

    A pickle is read without running anything it asks for.

    Args:
        grid: of the scan; None for what the file tells.

    Raises:
        DataError: a list is missing or has other lengths, a number is not finite, the grid is unknown or of another size, or the
            pickle asks for more than NumPy arrays.
    """
    path = Path(path)
    case_id = NNDETECTION.case_name(path)
    document = load_arrays(path, (*_FINDINGS, *_GRID)) if path.suffix == ".pkl" else read_json(path)
    if not isinstance(document, dict):
        raise DataError(f"{path} is not a file of boxes", case_id, f"it must hold {', '.join(_FINDINGS)}")
    grid = _find_grid(document, grid, path, case_id)
    dims = len(grid["size"])
    rows = as_list(document.get("pred_boxes"), f'{path}: "pred_boxes"', case_id, list)
    boxes = [as_vector(row, 2 * dims, f"{path}: pred_boxes[{number}]", case_id) for number, row in enumerate(rows)]
    scores = as_vector(document.get("pred_scores"), len(boxes), f'{path}: "pred_scores"', case_id)
    labels = as_vector(document.get("pred_labels"), len(boxes), f'{path}: "pred_labels"', case_id)
    lower, upper = np.split(np.array(boxes).reshape(-1, 2 * dims)[:, _COLUMNS[dims]], 2, axis=1)
    return case_from_voxels(
        case_id, _half_open(lower, upper, path, case_id), grid, scores, [as_index(label, f"{path}: a label") for label in labels]
    )


def _half_open(lower: np.ndarray, upper: np.ndarray, path: Path, case_id: str) -> np.ndarray:
    """(N, 2D) half-open voxels in the order of the scan's axes; less than a voxel within the margin is a point."""
    if (upper < lower).any():
        raise DataError(f"{path}: a box ends before it begins", case_id, "write the minimum first")
    middle, half = (lower + upper + _MARGIN) / 2, np.maximum(upper - lower - _MARGIN, 0) / 2
    return np.hstack([(middle - half)[:, ::-1], (middle + half)[:, ::-1]])


def _find_grid(document: dict[str, Any], given: Grid | None, path: Path, case_id: str) -> Grid:
    rows = document.get("pred_boxes")
    dims = len(rows[0]) // 2 if isinstance(rows, list) and rows and isinstance(rows[0], list) else None
    stated = _stated_size(document, path, case_id)
    if given is None and (stated is None or any(key not in document for key in _GRID)):
        raise DataError(f"{path} counts voxels of a scan that is not known", case_id, "give the images, from which it can be read")
    if given is None:
        return _stated_grid(document, stated or [], path, case_id)
    grid = fit_grid(given, dims if dims in _COLUMNS else len(stated or given["size"]), case_id)
    if stated is not None and stated != grid["size"]:
        raise DataError(f"{path} is of a scan of {stated} voxels, the image has {grid['size']}", case_id, "give the right image")
    return grid


def _stated_size(document: dict[str, Any], path: Path, case_id: str) -> list[int] | None:
    size = document.get(_GRID[0])
    if size is None:
        return None
    what = f"{path}: {_GRID[0]}"
    if not isinstance(size, list) or len(size) not in _COLUMNS:
        raise DataError(f"{what} must be 2 or 3 numbers", case_id)
    return [as_index(length, what, case_id) for length in size[::-1]]


def _stated_grid(document: dict[str, Any], size: list[int], path: Path, case_id: str) -> Grid:
    dims = len(size)
    lengths = (dims, dims, dims * dims)
    spacing, origin, direction = (
        np.array(as_vector(document[key], length, f"{path}: {key}", case_id)) for key, length in zip(_GRID[1:], lengths)
    )
    affine = np.eye(dims + 1)
    affine[:-1, :-1] = direction.reshape(dims, dims) * spacing
    affine[:-1, -1] = origin
    return make_grid(size, _swap_frame(affine), case_id)


def _read(path: Path, find_grid: FindGrid, names: Names) -> list[Case]:
    return [read_nndetection(path, find_grid(NNDETECTION.case_name(path)))]


NNDETECTION = Format(
    "nndetection",
    ("_boxes.json", "_boxes.pkl", ".json", ".pkl"),
    read=_read,
    write=lambda path, cases, names: write_nndetection(path, cases[0]),
    sign=lambda document: isinstance(document, dict) and "pred_boxes" in document,
    needs=("images",),
    loses=("prior ids", "image paths", "the direction of boxes turned against the grid, which become their hulls"),
)
