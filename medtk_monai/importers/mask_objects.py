"""Objects of label maps: values, or connected components of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.ndimage import find_objects, generate_binary_structure, label

from medtk_monai.box_ops import boxes_to_world
from medtk_monai.errors import DataError
from medtk_monai.formats import read_grid
from medtk_monai.images.label_values import IGNORED_VALUE
from medtk_monai.importers.cases import box_objects
from medtk_monai.transforms.load import LoadCased

WHOLE = 0
"""A connectivity by which all voxels of a value are one object."""
_RANKS = {2: {4: 1, 8: 2}, 3: {6: 1, 18: 2, 26: 3}}


@dataclass(frozen=True)
class MaskRules:
    """What counts as an object of a label map.

    Args:
        connectivity: of the voxels of an object: 6, 18 or 26 in 3D, 4 or 8 in 2D, None for the largest of these; 0 makes all voxels
            of a value one object.
        min_mm3: smaller objects (mm^2 in 2D) are ignored.
        min_voxels: so are those of fewer voxels.
        drop_small: leave them out instead.
        ignored_values: values whose objects are ignored.

    Raises:
        DataError: no such connectivity.
    """

    connectivity: int | None = None
    min_mm3: float = 0.0
    min_voxels: int = 0
    drop_small: bool = False
    ignored_values: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        known = {WHOLE, *_RANKS[2], *_RANKS[3]}
        if self.connectivity is not None and self.connectivity not in known:
            raise DataError(f"connectivity is {self.connectivity}", remedy=f"choose one of {sorted(known)}")


@dataclass(frozen=True)
class MaskObjects:
    """The objects of a label map.

    Args:
        path: the file.
        affine: (D + 1, D + 1), voxel centers -> RAS mm.
        boxes: (N, 2D) tight around their voxels, half open.
        values: (N,) of the label map; below 0 for regions to be ignored.
        voxels: (N,) how many each has.
    """

    path: Path
    affine: torch.Tensor
    boxes: np.ndarray
    values: tuple[int, ...]
    voxels: tuple[int, ...]

    @property
    def named(self) -> tuple[int, ...]:
        """The values that name something, rather than being ignored."""
        return tuple(value for value in self.values if value > 0)


def read_mask(path: Path, case: str, connectivity: int | None) -> MaskObjects:
    """The objects of a label map, by value.

    Raises:
        DataError: it cannot be read, has other values than whole numbers, or the connectivity is not one of its dimensions.
    """
    dims = len(read_grid(path, case)["size"])
    # As a map of classes from 1, each value tells itself.
    read = LoadCased(dims, label_map_kind="class", allow_assumed=True).read_objects({"label_map": str(path)}, case)
    if read.mask is None:
        raise AssertionError("read without its image")
    mask, affine = read.mask
    values_of = torch.where(read.ignored, IGNORED_VALUE, read.labels + 1).tolist()
    found = list(_parts(mask, values_of, _structure(connectivity, dims, case)))
    values, boxes, voxels = zip(*found) if found else ((), (), ())
    return MaskObjects(path, affine, np.array(boxes, dtype=np.int64).reshape(-1, 2 * dims), values, voxels)


def _structure(connectivity: int | None, dims: int, case: str) -> np.ndarray | None:
    if connectivity == WHOLE:
        return None
    ranks = _RANKS.get(dims, {})
    if connectivity is not None and connectivity not in ranks:
        raise DataError(f"connectivity {connectivity} in {dims}D", case, f"choose one of {[WHOLE, *ranks]}")
    return generate_binary_structure(dims, dims if connectivity is None else ranks[connectivity])


def _parts(mask: np.ndarray, values: Sequence[int], structure: np.ndarray | None) -> Iterable[tuple[int, list[int], int]]:
    """Value, box and number of voxels of each object; ``mask`` has i + 1 in the voxels of the value with index i."""
    for number, where in enumerate(find_objects(mask), 1):
        if where is None:
            continue
        inside = mask[where] == number
        numbered = inside.astype(np.int32) if structure is None else label(inside, structure)[0]
        counts = np.bincount(numbered.ravel())
        for part, place in enumerate(find_objects(numbered), 1):
            start = [whole.start + own.start for whole, own in zip(where, place)]
            stop = [whole.start + own.stop for whole, own in zip(where, place)]
            yield values[number - 1], start + stop, int(counts[part])


def mask_fields(found: MaskObjects, classes: Mapping[int, int], rules: MaskRules) -> dict[str, Any]:
    """The objects in the words of ``ImportedCase``: the label map where each value is an object to be found, else boxes.

    Boxes lose nothing but the shape; the label map is then named as ``segmentation``.

    Args:
        classes: value -> class.
    """
    if any(_small(found, rules)) or rules.ignored_values & set(found.named) or len(set(found.named)) < len(found.named):
        return box_fields(found, classes, rules) | {"columns": {"segmentation": found.path}}
    labels = [classes[value] for value in found.named]
    names = {str(value): label for value, label in zip(found.named, labels)} if any(labels) else {}
    return {"objects": {"label_map": found.path} | ({"labels": names} if names else {}), "labels": tuple(labels)}


def box_fields(found: MaskObjects, classes: Mapping[int, int], rules: MaskRules) -> dict[str, Any]:
    """The objects as boxes along the axes of the label map, RAS mm, in the words of ``ImportedCase``; arguments as of ``mask_fields``."""
    small = _small(found, rules)
    keep = [index for index, is_small in enumerate(small) if not (is_small and rules.drop_small)]
    labels = [classes[found.values[index]] if found.values[index] > 0 else 0 for index in keep]
    ignored = [small[index] or found.values[index] < 0 or found.values[index] in rules.ignored_values for index in keep]
    centers, sizes, direction = boxes_to_world(torch.from_numpy(found.boxes[keep]).double(), found.affine)
    left_out = tuple(f"an object of {count} voxels" for index, count in enumerate(found.voxels) if index not in keep)
    return box_objects("RAS", centers.numpy(), sizes.numpy(), labels, ignored, direction.numpy()) | {"left_out": left_out}


def _small(found: MaskObjects, rules: MaskRules) -> list[bool]:
    size = torch.linalg.det(found.affine[:-1, :-1]).abs().item()
    too_small = [count * size < rules.min_mm3 or count < rules.min_voxels for count in found.voxels]
    return [small and value > 0 for small, value in zip(too_small, found.values)]
