"""What was found in one scan, in world millimeters: the entry of predictions.json that all formats convert from and to.

A case is a dictionary with

- ``case_id`` (str), unique in a file, and ``image`` (str), the path of the scan, "" if unknown;
- ``space``, "RAS" or "LPS", the frame of everything that follows;
- ``direction`` (D, D), whose columns are the unit vectors of the boxes' own axes;
- ``boxes`` (N, 2D), center and side lengths along these axes, mm; a point is a box of size 0;
- ``scores`` (N,), ``labels`` (N,) from 0;
- optionally ``prior_ids`` (N,), of what a network found;
- optionally ``grid``, of the scan that the boxes belong to: ``size`` (D,) in voxels, and ``affine`` (D + 1, D + 1) in rows, voxel
  centers -> mm in ``space``. Formats that count in voxels need it;
- optionally ``look``, how a prediction looked at the scan. Other keys are kept in predictions.json as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medtk_monai.box_ops import apply_affine, boxes_from_world, boxes_to_world, spatial_affine
from medtk_monai.errors import DataError
from medtk_monai.scores import read_scores, stored
from medtk_monai.structures import UNKNOWN_PRIOR, Detections

_DECIMALS_MM = 4
_DECIMALS_DIRECTION = 8

Case = dict[str, Any]


def case_prediction(
    detections: Detections, affine: Tensor, case_id: str, image: str, grid: tuple[Sequence[int], Tensor] | None = None
) -> Case:
    """The detections of one case, in RAS millimeters.

    Args:
        detections: N boxes in voxels; prior ids are left out if any is UNKNOWN_PRIOR.
        affine: (D + 1, D + 1) or larger, voxel centers -> RAS mm, of the grid that the boxes are on.
        case_id: unique in a file.
        image: path of the image the boxes belong to.
        grid: size (voxels) and affine (as above) of the original scan, which may differ from the grid of the boxes.

    Returns:
        ``boxes`` are center and side lengths along the columns of ``direction``, rounded to 0.0001 mm; scores keep float32, and their order near 1.
    """
    boxes = detections.boxes.detach().cpu()
    dims = boxes.shape[-1] // 2
    centers, sizes, direction = boxes_to_world(boxes, spatial_affine(torch.as_tensor(affine).cpu(), dims))
    case: Case = {
        "case_id": case_id,
        "image": str(image),
        "space": "RAS",
        "direction": _rounded(direction, _DECIMALS_DIRECTION),
        "boxes": _rounded(torch.cat([centers, sizes], dim=-1), _DECIMALS_MM),
        "scores": stored(detections.scores),
        "labels": detections.labels.tolist(),
    }
    if not (detections.prior_ids == UNKNOWN_PRIOR).any():
        case["prior_ids"] = detections.prior_ids.tolist()
    if grid is not None:
        size, matrix = grid
        rows = _rounded(spatial_affine(torch.as_tensor(matrix).cpu(), dims), _DECIMALS_DIRECTION)
        case["grid"] = {"size": [int(n) for n in size], "affine": rows}
    return case


def make_case(
    case_id: str,
    space: str,
    centers: np.ndarray,
    sizes: np.ndarray,
    direction: np.ndarray | None = None,
    scores: Sequence[float] | None = None,
    labels: Sequence[int] | None = None,
    **more: Any,
) -> Case:
    """A case from arrays, as readers of other formats use it.

    Args:
        space: "RAS" or "LPS".
        centers, sizes: (N, D), mm.
        direction: (D, D), unit columns; None for boxes along the world axes.
        scores: (N,); None for annotations, whose scores are 1.
        labels: (N,); None for class 0.
        more: further keys, such as ``image`` and ``grid``.
    """
    count, dims = np.shape(centers)
    turned = np.eye(dims) if direction is None else np.asarray(direction, dtype=np.float64)
    return {
        "case_id": case_id,
        "image": "",
        "space": space,
        "direction": turned.tolist(),
        "boxes": np.concatenate([centers, sizes], axis=1).astype(np.float64).tolist(),
        "scores": [1.0] * count if scores is None else [float(score) for score in scores],
        "labels": [0] * count if labels is None else [int(label) for label in labels],
    } | more


def _rounded(values: Tensor, decimals: int) -> list[list[float]]:
    """(N, K) -> nested lists; adding 0 turns -0.0 into 0.0."""
    return [[round(value, decimals) + 0.0 for value in row] for row in values.double().tolist()]


def in_space(case: Case, space: str) -> Case:
    """The same case with all coordinates in "RAS" or in "LPS"."""
    if case["space"] == space:
        return case
    direction = np.asarray(case["direction"], dtype=np.float64)
    dims = len(direction)
    flip = np.array([-1.0, -1.0, 1.0][:dims])
    boxes = np.asarray(case["boxes"], dtype=np.float64).reshape(-1, 2 * dims) * np.concatenate([flip, np.ones(dims)])
    turned = {"space": space, "direction": (direction * flip[:, None] + 0.0).tolist(), "boxes": (boxes + 0.0).tolist()}
    if "grid" in case:
        affine = np.asarray(case["grid"]["affine"], dtype=np.float64) * np.append(flip, 1)[:, None] + 0.0
        turned["grid"] = case["grid"] | {"affine": affine.tolist()}
    return case | turned


def world_boxes(case: Case, space: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centers (N, D) and sizes (N, D) in mm, and the direction (D, D), float64, in "RAS" or in "LPS"."""
    turned = in_space(case, space)
    direction = np.asarray(turned["direction"], dtype=np.float64)
    dims = len(direction)
    boxes = np.asarray(turned["boxes"], dtype=np.float64).reshape(-1, 2 * dims)
    return boxes[:, :dims], boxes[:, dims:], direction


def grid_of(case: Case) -> tuple[tuple[int, ...], Tensor]:
    """Size (voxels) and affine (D + 1, D + 1; voxel centers -> RAS mm, float64) of the case's scan.

    Raises:
        DataError: the case has no grid.
    """
    if "grid" not in case:
        remedy = "give the images, from which it can be read"
        raise DataError("the voxel grid of the scan is not known, and the format counts in voxels", case["case_id"], remedy)
    grid = in_space(case, "RAS")["grid"]
    return tuple(grid["size"]), torch.tensor(grid["affine"], dtype=torch.float64)


def voxel_boxes(case: Case) -> np.ndarray:
    """(N, 2D) ``(min..., max...)`` hulls of the boxes on the case's grid, voxels, half open, float64; they may leave the image.

    Raises:
        DataError: the case has no grid.
    """
    _, affine = grid_of(case)
    centers, sizes, direction = (torch.from_numpy(part) for part in world_boxes(case, "RAS"))
    middle = apply_affine(centers, torch.linalg.inv(affine)) + 0.5
    to_voxels = torch.linalg.inv(affine[:-1, :-1]) @ direction
    reach = (sizes / 2) @ to_voxels.abs().T
    return torch.cat([middle - reach, middle + reach], dim=1).numpy()


def detections_from_case(case: Case, affine: Tensor) -> Detections:
    """One case of predictions.json -> its detections in voxels, best first.

    Args:
        case: a checked case, in RAS or LPS.
        affine: (D + 1, D + 1) or larger, voxel centers -> RAS mm, of the image the boxes shall be laid over.

    Raises:
        DataError: the affine has fewer dimensions than the case.
    """
    dims = len(case["direction"])
    if len(affine) <= dims:
        raise DataError(f"the boxes are {dims}D, the affine of the image is {tuple(affine.shape)}", case["case_id"])
    centers, sizes, direction = (torch.from_numpy(part) for part in world_boxes(case, "RAS"))
    detections = Detections(
        boxes_from_world(centers, sizes, direction, spatial_affine(torch.as_tensor(affine).cpu(), dims)),
        read_scores(case["scores"]),
        torch.tensor(case["labels"], dtype=torch.int64),
        torch.tensor(case.get("prior_ids") or [UNKNOWN_PRIOR] * len(centers), dtype=torch.int64),
    )
    return detections[detections.scores.argsort(descending=True, stable=True)]
