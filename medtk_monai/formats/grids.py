"""Voxel grids of scans, for the formats that count in voxels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from medtk_monai.box_ops import boxes_to_world, spatial_affine
from medtk_monai.errors import DataError
from medtk_monai.formats.cases import Case, make_case

Grid = dict[str, Any]
"""``size`` (D,) in voxels and ``affine`` (D + 1, D + 1), voxel centers -> RAS mm, as in a case that is in RAS."""


def make_grid(size: Sequence[int], affine: Any, case: str = "") -> Grid:
    """A grid from an affine of the same or of more axes.

    Raises:
        DataError: the affine cannot be inverted.
    """
    dims = len(size)
    matrix = spatial_affine(torch.as_tensor(np.asarray(affine, dtype=np.float64)), dims)
    if not matrix.isfinite().all() or matrix.det() == 0 or min(size, default=0) < 1:
        what = f"no voxel grid has the size {tuple(size)} and the affine {matrix.tolist()}"
        raise DataError(what, case, "write the scan's size and affine into the file")
    return {"size": [int(length) for length in size], "affine": matrix.tolist()}


def fit_grid(grid: Grid, dims: int, case: str = "") -> Grid:
    """The grid without trailing axes of one voxel, in ``dims`` dimensions.

    Raises:
        DataError: it has fewer, or more axes of several voxels.
    """
    size = list(grid["size"])
    if len(size) < dims or any(length != 1 for length in size[dims:]):
        raise DataError(f"the scan has {size} voxels, the findings are {dims}D", case, "give the scan that the findings belong to")
    return make_grid(size[:dims], grid["affine"], case)


def case_from_voxels(case_id: str, boxes: np.ndarray, grid: Grid, scores: Sequence[float], labels: Sequence[int], image: str = "") -> Case:
    """A case, in RAS and along the axes of the scan, from boxes in its voxels.

    Args:
        boxes: (N, 2D) ``(min..., max...)``, half open: voxel i covers [i, i + 1).
        scores, labels: (N,).
    """
    dims = len(grid["size"])
    corners = torch.as_tensor(np.asarray(boxes, dtype=np.float64)).reshape(-1, 2 * dims)
    centers, sizes, direction = (part.numpy() for part in boxes_to_world(corners, torch.tensor(grid["affine"], dtype=torch.float64)))
    return make_case(case_id, "RAS", centers, sizes, direction, scores, labels, grid=grid, image=image)
