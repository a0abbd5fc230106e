"""The objects of a label map, whatever state it is in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from monai.data import MetaTensor
from scipy.ndimage import find_objects, generate_binary_structure, label

from medtk_monai.box_ops import spatial_affine

_PART_SHARE = 0.25
"""Of the largest part of an object's voxels, from which another part looks like an object of its own."""


@dataclass(frozen=True)
class MapFacts:
    """A label map, without its voxels.

    Args:
        size: (D,) voxels.
        affine: (D + 1, D + 1), voxel centers -> RAS mm.
        whole: whether all values are whole numbers from 0, in one channel; if not, no objects are told.
        values: (N,) of the objects, ascending.
        boxes: (N, 2D) voxels of the label map.
        counts: (N,) voxels of each.
        parts: (N,) separate parts of each that are not small beside its largest.
    """

    size: tuple[int, ...]
    affine: np.ndarray
    whole: bool
    values: tuple[int, ...]
    boxes: np.ndarray
    counts: tuple[int, ...]
    parts: tuple[int, ...]


def read_map_facts(image: MetaTensor) -> MapFacts:
    """The facts of a label map (C, *spatial)."""
    values = image.as_tensor().numpy()
    dims = values.ndim - 1
    with np.errstate(invalid="ignore"):
        mask = values[0].astype(np.int32)
    whole = len(values) == 1 and bool((mask == values[0]).all()) and mask.min(initial=0) >= 0
    found = [(value, where) for value, where in enumerate(find_objects(mask), 1) if where is not None] if whole else []
    crops = [mask[where] == value for value, where in found]
    boxes = [[part.start for part in where] + [part.stop for part in where] for _, where in found]
    return MapFacts(
        values.shape[1:],
        spatial_affine(image.affine, dims).numpy(),
        whole,
        tuple(value for value, _ in found),
        np.array(boxes, dtype=np.float64).reshape(-1, 2 * dims),
        tuple(int(np.count_nonzero(crop)) for crop in crops),
        tuple(_count_parts(crop) for crop in crops),
    )


def _count_parts(mask: np.ndarray) -> int:
    """Parts of a mask that do not even touch at corners, and are not small beside the largest."""
    parts, _ = label(mask, generate_binary_structure(mask.ndim, mask.ndim))
    counts = np.bincount(parts.ravel())[1:]
    return int((counts >= _PART_SHARE * counts.max()).sum())
