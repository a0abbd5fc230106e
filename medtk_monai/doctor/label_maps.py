"""The objects of a label map, whatever state it is in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import find_objects, generate_binary_structure, label

from medtk_monai.images.header import Header
from medtk_monai.images.label_values import read_values, whole_numbers

_PART_SHARE = 0.25
"""Of the largest part of an object's voxels, from which another part looks like an object of its own."""


@dataclass(frozen=True)
class MapFacts:
    """A label map, without its voxels.

    Args:
        size: (D,) voxels.
        affine: (D + 1, D + 1), voxel centers -> RAS mm.
        whole: whether all values are whole numbers, in one channel; if not, no objects are told.
        values: (N,) of the objects, ascending; values below 0, which are ignored, are not among them.
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


def read_map_facts(numbers: np.ndarray, header: Header) -> MapFacts:
    """The facts of a label map (C, *spatial), whose header has as many axes."""
    mask = whole_numbers(numbers)
    whole = mask is not None and len(mask) == 1
    map_values = read_values(mask[0]) if mask is not None and whole else None
    values = map_values.values[: map_values.num_named] if map_values is not None else ()
    found = find_objects(map_values.numbered)[: len(values)] if map_values is not None else []
    crops = [map_values.numbered[where] == place for place, where in enumerate(found, 1)] if map_values is not None else []
    boxes = [[part.start for part in where] + [part.stop for part in where] for where in found]
    return MapFacts(
        header.size,
        header.affine,
        whole,
        values,
        np.array(boxes, dtype=np.float64).reshape(-1, 2 * len(header.size)),
        tuple(int(np.count_nonzero(crop)) for crop in crops),
        tuple(_count_parts(crop) for crop in crops),
    )


def _count_parts(mask: np.ndarray) -> int:
    """Parts of a mask that do not even touch at corners, and are not small beside the largest."""
    parts, _ = label(mask, generate_binary_structure(mask.ndim, mask.ndim))
    counts = np.bincount(parts.ravel())[1:]
    return int((counts >= _PART_SHARE * counts.max()).sum())
