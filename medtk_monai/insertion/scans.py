"""Cases of a datalist as scans that objects are put into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medtk_monai.box_ops import boxes_from_world, spatial_affine
from medtk_monai.errors import DataError
from medtk_monai.formats import read_grid
from medtk_monai.insertion.scene import Scene
from medtk_monai.transforms.boxes import WorldBoxes, ellipsoid_in
from medtk_monai.transforms.load import ALLOW_ASSUMED, FILE_KEYS, LoadCased


@dataclass(frozen=True)
class Scan:
    """A scan.

    Args:
        scene: its image and the objects that it has already.
        labels, ignored: (N,) of these objects.
        affine: (4, 4), voxel centers -> RAS mm.
        case_id: of its case.
    """

    scene: Scene
    labels: Sequence[int]
    ignored: Sequence[bool]
    affine: NDArray[np.float64]
    case_id: str


def read_scan(case: Mapping[str, Any]) -> Scan:
    """The scan of a datalist's case; objects without a label map are the ellipsoids in their boxes.

    Raises:
        DataError: it cannot be read, has several channels, or a label map on another grid.
    """
    name = str(case["case_id"])
    dims = 2 if len(read_grid(case["image"], name)["size"]) == 2 else 3
    load = LoadCased(dims, num_channels=1)
    image = load({key: value for key, value in case.items() if key not in FILE_KEYS or key == ALLOW_ASSUMED})["image"]
    affine = spatial_affine(image.affine, dims).numpy().astype(np.float64)
    values = image.as_tensor()[0].numpy()
    objects = load.read_objects(case, name)
    label_map = _ellipsoids(objects.world, affine, values.shape) if objects.mask is None else objects.mask[0]
    if label_map.shape != values.shape or (objects.mask is not None and not np.allclose(objects.mask[1].numpy(), affine, atol=1e-3)):
        raise DataError("its label map has another grid than its image", name, "resample the label map to the image")
    spacing = np.linalg.norm(affine[:dims, :dims], axis=0)
    scene = Scene(values.astype(np.float32), spacing, label_map.astype(np.int32))
    full = np.eye(4)
    full[:dims, :dims], full[:dims, 3] = affine[:dims, :dims], affine[:dims, dims]
    return Scan(scene, objects.labels.tolist(), objects.ignored.tolist(), full, name)


def _ellipsoids(world: WorldBoxes, affine: NDArray, size: tuple[int, ...]) -> NDArray[np.int32]:
    """The ellipsoids in boxes, numbered from 1."""
    found = np.zeros(size, np.int32)
    boxes = boxes_from_world(world.centers, world.sizes, world.direction, torch.from_numpy(affine))
    for number, box in enumerate(boxes, 1):
        near, inside = ellipsoid_in(box, size)
        found[near][inside.numpy()] = number
    return found
