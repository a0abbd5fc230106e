"""Objects of a datalist that are points: each becomes the box around a ball."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from medtk_monai.data.case_fields import is_finite
from medtk_monai.errors import DataError

NOMINAL_REMEDY = 'write its radius in mm into "radii", or set point_radius_mm to a nominal radius'


def with_point_boxes(item: dict[str, Any], case: str, point_radius_mm: float | None = None) -> dict[str, Any]:
    """A case with its ``points`` as boxes behind its ``boxes``, without ``points`` and ``radii``; one without points as it is.

    Args:
        item: ``points`` (N, D) world mm, and optionally ``radii`` (N,) mm, each of which may be None.
        case: for errors.
        point_radius_mm: radius of points without one; None refuses them.

    Raises:
        DataError: points or radii are not as described, or a radius is missing.
    """
    item = dict(item)
    points, radii = item.pop("points", None) or [], item.pop("radii", None)
    if not points and not radii:
        return item
    if item.get("label_map") is not None:
        raise DataError('an item has both "points" and "label_map"', case, "keep one of them")
    centers = _check_points(points, case)
    sides = 2 * _check_radii(radii, len(centers), case, point_radius_mm)
    boxes = np.hstack([centers, np.repeat(sides[:, None], centers.shape[1], axis=1)])
    item["boxes"] = [*(item.get("boxes") or []), *boxes.tolist()]
    return item


def _check_points(points: Any, case: str) -> np.ndarray:
    """(N, D) float64."""
    for number, point in enumerate(points if isinstance(points, list) else [points]):
        length = len(point) if isinstance(point, list) else None
        if length not in (2, 3) or length != len(points[0]) or not all(is_finite(value) for value in point):
            raise DataError(f"point {number} is {point}, not 2 or 3 finite numbers", case, "write world mm: [x, y, z]")
    return np.asarray(points, dtype=np.float64)


def _check_radii(radii: Any, count: int, case: str, point_radius_mm: float | None) -> np.ndarray:
    """(N,) float64, nominal where the case tells none."""
    radii = [None] * count if radii is None else radii
    if not isinstance(radii, list) or len(radii) != count:
        raise DataError(f'"radii" is not a list of {count} numbers', case, "write one radius in mm for each point, or null")
    if None in radii and point_radius_mm is None:
        raise DataError(f"point {radii.index(None)} has no radius", case, NOMINAL_REMEDY)
    known: Sequence[Any] = [point_radius_mm if radius is None else radius for radius in radii]
    for number, radius in enumerate(known):
        if not is_finite(radius) or radius <= 0:
            raise DataError(f"the radius of point {number} is {radius!r}", case, "radii are mm above 0")
    return np.asarray(known, dtype=np.float64)
