"""Blobs of another brightness inside tissue: lesions, nodules, cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from medtk_monai.insertion.scene import Insert, Scene, averaged, diameter_mm, log_uniform, part_around, places_mm

_FINER = 2
_BLUR_VOXELS = 0.6
_TRIES = 200
_AROUND_MM = 4.0
"""Ring around a lesion whose brightness it is compared with."""
_SAMPLE = 200_000


@dataclass(frozen=True)
class LesionRanges:
    """What lesions are like.

    Args:
        diameter_mm: least and largest; drawn uniformly in its logarithm.
        contrast: least and largest height above what is around, in standard deviations of the scan's foreground; below 0 for dark ones.
        stretch: largest ratio of its axes.
        lobes: share by which its surface is uneven.
    """

    diameter_mm: tuple[float, float] = (3.0, 12.0)
    contrast: tuple[float, float] = (0.7, 2.0)
    stretch: float = 1.6
    lobes: float = 0.3


@dataclass(frozen=True)
class Tissue:
    """Where lesions may lie.

    Args:
        places: (N, D) voxels inside the foreground, a random choice of them.
        depths: (N,) mm, their distance to its border.
        deviation: of the foreground's values, from the median of their distances to their median.
    """

    places: NDArray[np.int64]
    depths: NDArray[np.float64]
    deviation: float


def find_tissue(random: Generator, scene: Scene) -> Tissue:
    """The inside of the foreground, voids left out."""
    depth = distance_transform_edt(scene.foreground, sampling=scene.spacing)
    inside = np.flatnonzero(depth.ravel() > 0)
    if len(inside) > _SAMPLE:
        inside = random.choice(inside, _SAMPLE, replace=False)
    values = scene.image.ravel()[inside]
    deviation = 1.4826 * float(np.median(np.abs(values - np.median(values)))) if len(inside) else 0.0
    return Tissue(np.column_stack(np.unravel_index(inside, depth.shape)), depth.ravel()[inside], deviation)


def draw_lesion(random: Generator, scene: Scene, tissue: Tissue, ranges: LesionRanges) -> Insert | None:
    """A lesion in tissue that has room for it; None where none of many tries found such a place."""
    diameter = log_uniform(random, ranges.diameter_mm)
    fitting = np.flatnonzero(tissue.depths > diameter / 2)
    if not len(fitting):
        return None
    for _ in range(_TRIES):
        insert = _render(random, scene, tissue, tissue.places[int(random.choice(fitting))], diameter, ranges)
        if insert is not None and scene.is_free(insert, 2.0):
            return insert
    return None


def _render(random: Generator, scene: Scene, tissue: Tissue, place: NDArray, diameter: float, ranges: LesionRanges) -> Insert | None:
    part = part_around(place, diameter * ranges.stretch * (0.5 + ranges.lobes) + _AROUND_MM, scene.spacing, scene.image.shape)
    if part is None:
        return None
    axes = places_mm(part, scene.spacing, _FINER)
    share = averaged(_is_inside(random, axes, place * scene.spacing, diameter / 2, ranges), _FINER)
    mask, old = share > 0.5, scene.image[part]
    ring = (share == 0) & scene.foreground[part]
    if not mask.any() or not ring.any() or not scene.foreground[part][mask].all():
        return None
    contrast = random.uniform(*ranges.contrast)
    level = float(np.median(old[ring])) + contrast * tissue.deviation
    blurred = gaussian_filter(share, _BLUR_VOXELS)
    rough = old - gaussian_filter(old, 1.0)
    values = np.where(blurred > 0.01, old + blurred * (level + rough - old), old)
    facts = {"kind": "lesion", "diameter_mm": round(diameter_mm(mask, scene.spacing), 2), "contrast": round(contrast, 2)}
    return Insert(tuple(piece.start for piece in part), values.astype(np.float32), mask, facts)


def _is_inside(random: Generator, axes: list[NDArray], center: NDArray, radius: float, ranges: LesionRanges) -> NDArray[np.bool_]:
    """An ellipsoid turned at random, its surface lifted by smooth noise."""
    dims = len(axes)
    frame = np.linalg.qr(random.normal(size=(dims, dims)))[0]
    half = np.exp(random.uniform(-0.5, 0.5, dims) * np.log(ranges.stretch))
    half *= radius / np.prod(half) ** (1 / dims)
    offsets = [axes[axis] - center[axis] for axis in range(dims)]
    scaled = [sum(offsets[axis] * frame[axis, column] for axis in range(dims)) / half[column] for column in range(dims)]
    distance = np.sqrt(sum(part**2 for part in scaled))
    steps = [np.ptp(axis) / max(axis.size - 1, 1) for axis in axes]
    waves = gaussian_filter(random.normal(size=distance.shape), [0.4 * radius / max(step, 1e-6) for step in steps])
    waves *= ranges.lobes / max(float(np.abs(waves).max()), 1e-6)
    return distance <= 1 + waves
