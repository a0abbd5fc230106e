"""One phantom scan, as a function of its seed and index only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from medtk_monai.phantom.aneurysms import Aneurysm, draw_diameter, place_aneurysm
from medtk_monai.phantom.grid import Grid, draw_grid
from medtk_monai.phantom.lumen import Lumen
from medtk_monai.phantom.rendering import render_image
from medtk_monai.phantom.vessels import Anatomy, grow_anatomy

SHAPES = {2: (128, 128, 36), 3: (96, 96, 64)}
"""Voxels of the simulated volume, by the dimensions of the image; a 2D image is a projection along the last axis."""


@dataclass(frozen=True)
class PhantomCase:
    """A simulated angiogram.

    Args:
        image: int16 scanner values, as many axes as the case has dimensions.
        label_map: uint8, the number of the aneurysm from 1 that a voxel belongs to, 0 elsewhere.
        lumen: bool, all voxels in vessels or aneurysms.
        affine: (4, 4), voxel centers -> world mm.
        aneurysms: for each one ``diameter_mm`` (longest diameter of its mask in 3D), ``site`` and ``irregular``.
    """

    image: NDArray[np.int16]
    label_map: NDArray[np.uint8]
    lumen: NDArray[np.bool_]
    affine: NDArray[np.float64]
    aneurysms: list[dict[str, Any]]

    @property
    def facts(self) -> dict[str, Any]:
        """What a datalist says of the case."""
        return {"aneurysms": self.aneurysms}


def make_phantom_case(
    seed: int, index: int, spatial_dims: int = 3, diseased: bool | None = None, shape: tuple[int, ...] | None = None
) -> PhantomCase:
    """Simulates a scan; equal arguments give equal arrays.

    Args:
        seed: of the data set, from 0.
        index: of the case, from 0.
        spatial_dims: 3, or 2 for a maximum intensity projection of a slab.
        diseased: whether there are aneurysms; None spares every third case.
        shape: voxels of the simulated volume; None takes the usual one.
    """
    rng = np.random.default_rng([seed, index, spatial_dims])
    flat, flow_axis = spatial_dims == 2, spatial_dims - 1
    grid = draw_grid(rng, shape or SHAPES[spatial_dims], flat)
    wanted = int(rng.choice([1, 2, 3], p=[0.75, 0.18, 0.07])) * (index % 3 != 2 if diseased is None else diseased)
    lumen, aneurysms = _draw_vessels(rng, grid, flow_axis, wanted)
    label_map = np.zeros(grid.shape, dtype=np.uint8)
    for number, aneurysm in enumerate(aneurysms, start=1):
        label_map[aneurysm.box][aneurysm.mask] = number
    image, inside = render_image(rng, lumen, flow_axis), lumen.distance < 0
    if flat:
        image, inside = image.max(axis=-1), np.any(inside, axis=-1)
        label_map = _project_labels(label_map, len(aneurysms))
    return PhantomCase(image, label_map, inside, grid.affine, [aneurysm.facts for aneurysm in aneurysms])


def _draw_vessels(rng: Generator, grid: Grid, flow_axis: int, wanted: int) -> tuple[Lumen, list[Aneurysm]]:
    """Grows vessels until the wanted number of aneurysms found room on them, at most eight times; then the last tree must do."""
    for _ in range(8):
        anatomy = grow_anatomy(rng, grid, flow_axis)
        lumen = Lumen(grid)
        lumen.add_vessels(anatomy.vessels)
        aneurysms = _place_aneurysms(rng, anatomy, lumen, wanted, flow_axis < 2)
        if len(aneurysms) == wanted:
            break
    return lumen, aneurysms


def _place_aneurysms(rng: Generator, anatomy: Anatomy, lumen: Lumen, wanted: int, flat: bool) -> list[Aneurysm]:
    aneurysms = []
    for _ in range(wanted):
        diameter = draw_diameter(rng)
        for scale in (1.0, 0.85, 0.7):
            aneurysm = place_aneurysm(rng, lumen, anatomy.sites, max(diameter * scale, 2.5), flat)
            if aneurysm is not None:
                lumen.add_region(aneurysm.box, aneurysm.distance, aneurysm.signal)
                aneurysms.append(aneurysm)
                break
    return aneurysms


def _project_labels(label_map: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Instances seen along the last axis; smaller ones lie on top, so that none vanishes."""
    shadows = [(label_map == number).any(axis=-1) for number in range(1, count + 1)]
    projection = np.zeros(label_map.shape[:-1], dtype=np.uint8)
    for index in sorted(range(count), key=lambda i: -shadows[i].sum()):
        projection[shadows[index]] = index + 1
    return projection
