"""Boxes painted into voxels."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from medtk_monai.errors import DataError
from medtk_monai.formats.cases import Case, grid_of, voxel_boxes, world_boxes

_NOISE = 1e-3
_LIMIT = 65535


def best_first(case: Case) -> list[int]:
    """Indices of the findings by falling score; equal scores keep their order."""
    return sorted(range(len(case["scores"])), key=lambda index: -case["scores"][index])


def paint_boxes(case: Case) -> np.ndarray:
    """The ranks of findings, from 1 for the best, in the voxels of their boxes; 0 elsewhere. Better ones are painted over worse ones.

    A voxel belongs to a box when its center does, along the box's own axes, half open: a box of k voxels' length paints k of them.
    A box that holds no center but overlaps the image paints the voxel closest to its center.

    Returns:
        uint8, or uint16 for more than 255 findings, of the size of the case's grid.

    Raises:
        DataError: the case has no grid, or more than 65535 findings.
    """
    size, matrix = grid_of(case)
    affine = matrix.numpy()
    _, sizes, direction = world_boxes(case, "RAS")
    if len(sizes) > _LIMIT:
        raise DataError(f"{len(sizes)} findings do not fit a label map", case["case_id"], f"keep the best {_LIMIT} of them")
    to_own = np.linalg.inv(direction) @ affine[:-1, :-1]
    canvas = np.zeros(size, dtype=np.uint8 if len(sizes) <= 255 else np.uint16, order="F")  # as NIfTI files store it
    hulls = voxel_boxes(case)
    for rank, index in reversed(list(enumerate(best_first(case), 1))):
        where, inside = _inside(hulls[index], sizes[index] / 2, to_own, size)
        if inside.any():
            canvas[where][inside] = rank
        else:
            voxel = _closest_voxel(hulls[index], sizes[index] / 2, to_own, size)
            if voxel is not None:
                canvas[voxel] = rank
    return canvas


def _inside(hull: np.ndarray, half: np.ndarray, to_own: np.ndarray, size: tuple[int, ...]) -> tuple[tuple[slice, ...], np.ndarray]:
    """The part of the image within the hull, and which of its voxels have their centers in the box.

    Args:
        hull: (2D,), voxels.
        half: (D,) half side lengths, mm.
        to_own: (D, D), voxel offset -> mm along the box's own axes.
    """
    lower, upper = np.split(hull, 2)
    start = np.clip(np.ceil(lower - 0.5 - _NOISE), 0, size).astype(int)
    stop = np.maximum(np.clip(np.floor(upper - 0.5 + _NOISE) + 1, 0, size).astype(int), start)
    middle = (lower + upper) / 2 - 0.5
    offsets = np.ix_(*(np.arange(first, last) - center for first, last, center in zip(start, stop, middle)))
    inside = np.ones(stop - start, dtype=bool)
    # Positions in files are rounded: the noise keeps a center on a border on the same side.
    noise = _NOISE * np.linalg.norm(to_own, axis=0).min()
    for row, reach in zip(to_own, half):
        place = sum(factor * offset for factor, offset in zip(row, offsets))
        inside &= (place >= -reach - noise) & (place < reach - noise)
    return tuple(slice(first, last) for first, last in zip(start, stop)), inside


def _closest_voxel(hull: np.ndarray, half: np.ndarray, to_own: np.ndarray, size: tuple[int, ...]) -> tuple[int, ...] | None:
    """The voxel of the box's center, or the closest that the box reaches within the image; None if there is none."""
    lower, upper = np.split(hull, 2)
    middle, limit = (lower + upper) / 2, np.array(size)
    if (middle >= 0).all() and (middle <= limit).all():
        point: np.ndarray | None = middle
    elif (upper <= _NOISE).any() or (lower >= limit - _NOISE).any():
        point = None
    else:
        point = _closest_point(middle, half, to_own, limit)
    return None if point is None else tuple(np.clip(np.floor(point), 0, limit - 1).astype(int))


def _closest_point(middle: np.ndarray, half: np.ndarray, to_own: np.ndarray, limit: np.ndarray) -> np.ndarray | None:
    """The point of box and image that is closest to the box's center along the image axes; None if they do not overlap.

    A linear program: minimize t where |point - middle| <= t, |to_own (point - middle)| <= half, and the point is in the image.
    """
    dims = len(middle)
    eye, one, zero = np.eye(dims), np.ones((dims, 1)), np.zeros((dims, 1))
    rows = np.vstack([np.hstack(pair) for pair in ((eye, -one), (-eye, -one), (to_own, zero), (-to_own, zero))])
    center = to_own @ middle
    bounds = [(_NOISE, length - _NOISE) for length in limit]
    result = linprog(
        [0.0] * dims + [1.0], rows, np.concatenate([middle, -middle, half + center, half - center]), bounds=[*bounds, (0, None)]
    )
    return result.x[:dims] if result.success else None
