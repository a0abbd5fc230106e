"""Saccular aneurysms on the walls of vessels that a scan shows."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from medtk_monai.insertion.scene import Insert, Scene, averaged, diameter_mm, log_uniform, part_around, places_mm
from medtk_monai.insertion.vessels import Vessels, vessel_axis

_FINER = 3
_BLUR_VOXELS = 0.45
"""Standard deviation of the scan's own blur."""
_TRIES = 60
_WIDEST = 6.0
"""Diameter of the largest sac over the radius of its vessel."""
_HIDDEN = 0.35
"""Share of a sac that may lie in vessels."""


@dataclass(frozen=True)
class AneurysmRanges:
    """What aneurysms are like.

    Args:
        diameter_mm: least and largest; drawn uniformly in its logarithm.
        contrast: least and largest share of the parent vessel's height above the tissue.
        neck: least and largest share of the sac's width.
        stretch: least and largest height over width of a sac.
        lobes: largest share by which its surface is uneven.
    """

    diameter_mm: tuple[float, float] = (2.0, 8.0)
    contrast: tuple[float, float] = (0.6, 1.05)
    neck: tuple[float, float] = (0.4, 0.9)
    stretch: tuple[float, float] = (0.75, 1.5)
    lobes: float = 0.25


def draw_aneurysm(random: Generator, scene: Scene, vessels: Vessels, ranges: AneurysmRanges) -> Insert | None:
    """An aneurysm on a wall that has room for it; None where none of many tries found one.

    The sac is an ellipsoid with an uneven surface, sunk into the wall as deep as its neck is wide. It is as bright as a share of its
    vessel, uneven, blurred as the scan is, and has its noise.
    """
    diameter = log_uniform(random, ranges.diameter_mm)
    likely = np.minimum(vessels.radii, 2.0) * (vessels.radii > diameter / _WIDEST)
    if likely.sum() == 0:
        return None
    for _ in range(_TRIES):
        index = int(random.choice(len(likely), p=likely / likely.sum()))
        sac = _draw_sac(random, scene, vessels, index, diameter, ranges)
        insert = None if sac is None else _render(random, scene, vessels, sac, ranges)
        if insert is not None and scene.is_free(insert, 2.0):
            return insert
    return None


@dataclass(frozen=True)
class _Sac:
    """Center (3,) and frame (3, 3), whose first column points away from the vessel, mm; half axes along it and across; lobes (N, 4): unit
    directions and heights; the wall (3,) it sits on; facts."""

    center: NDArray
    frame: NDArray
    half: tuple[float, float]
    lobes: NDArray
    wall: NDArray
    parent_radius: float
    facts: dict[str, Any]


def _draw_sac(random: Generator, scene: Scene, vessels: Vessels, index: int, diameter: float, ranges: AneurysmRanges) -> _Sac | None:
    center, radius = vessels.centers[index], float(vessels.radii[index])
    axis = vessel_axis(vessels, center, radius, scene.spacing)
    outward = _outward(random, axis)
    wall = _march(vessels, center, outward, scene.spacing)
    if wall is None:
        return None
    stretch = random.uniform(*ranges.stretch)
    along, across = diameter / 2 * stretch ** (2 / 3), diameter / 2 * stretch ** (-1 / 3)
    neck = min(random.uniform(*ranges.neck) * 2 * across, 2.2 * radius)
    sunk = along * sqrt(max(1 - (neck / (2 * across)) ** 2, 0.0))
    count = int(random.integers(1, 4))
    lobes = np.column_stack([_units(random, count), random.uniform(-0.5, 1.0, count) * ranges.lobes])
    frame = np.linalg.qr(np.column_stack([outward, random.normal(size=(3, 2))]))[0]
    frame[:, 0] = outward
    facts = {"neck_mm": round(neck, 2), "parent_diameter_mm": round(2 * radius, 2)}
    return _Sac(wall + outward * sunk, frame, (along, across), lobes, wall, radius, facts)


def _units(random: Generator, count: int) -> NDArray:
    vectors = random.normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _outward(random: Generator, axis: NDArray) -> NDArray:
    """A unit direction away from a vessel, within 35 degrees of a right angle to it."""
    across = np.cross(axis, random.normal(size=3))
    across /= np.linalg.norm(across)
    tilt = random.uniform(-0.6, 0.6)
    return across * np.cos(tilt) + axis * np.sin(tilt)


def _march(vessels: Vessels, center: NDArray, outward: NDArray, spacing: NDArray) -> NDArray | None:
    """The place (3,), mm, where a ray from the middle of a vessel leaves it; None where it leaves the scan before."""
    steps = np.arange(0.0, 12.0, 0.1)[:, None] * outward
    voxels = np.round(center + steps / spacing).astype(int)
    inside = ((voxels >= 0) & (voxels < vessels.lumen.shape)).all(axis=1)
    if not inside.all():
        return None
    outside = np.flatnonzero(~vessels.lumen[tuple(voxels.T)])
    return center * spacing + steps[outside[0]] if len(outside) else None


def _render(random: Generator, scene: Scene, vessels: Vessels, sac: _Sac, ranges: AneurysmRanges) -> Insert | None:
    reach = max(sac.half) * (1 + ranges.lobes) + 2.0
    part = part_around(sac.center / scene.spacing, reach, scene.spacing, scene.image.shape)
    if part is None:
        return None
    share = averaged(_is_inside(places_mm(part, scene.spacing, _FINER), sac), _FINER)
    old, lumen = scene.image[part], vessels.lumen[part]
    mask = (share > 0.5) & ~lumen
    own = float(share.sum())
    if not mask.any() or float(share[lumen].sum()) > _HIDDEN * own or not _grows_on(mask, lumen):
        return None
    if not scene.is_cut_out and scene.foreground[part][mask].mean() < 0.9:
        return None
    near = lumen & (_distance(places_mm(part, scene.spacing), sac.wall) < sac.parent_radius + 2.0)
    if not near.any():
        return None
    around = ~lumen & (share < 0.01)
    tissue = float(np.median(old[around])) if around.any() else scene.lowest
    vessel = float(np.percentile(old[near], 70))
    contrast = random.uniform(*ranges.contrast)
    uneven = gaussian_filter(random.normal(size=share.shape), 1.0 / scene.spacing)
    uneven *= 0.08 / max(float(uneven.std()), 1e-6)
    noise = random.normal(size=share.shape) * vessels.noise
    height = (vessel - tissue) * contrast
    signal = tissue + height * (1 + uneven) + noise
    blurred = gaussian_filter(share, _BLUR_VOXELS)
    values = np.maximum(old, old + blurred * (signal - old))
    if scene.is_cut_out:
        values = np.where((blurred < 0.35) & (old <= scene.lowest), scene.lowest, values)
    values = np.where(blurred > 0.02, np.clip(values, scene.lowest, scene.image.max()), old)
    facts = {"kind": "aneurysm", "diameter_mm": round(diameter_mm(mask, scene.spacing), 2), "contrast": round(contrast, 2)} | sac.facts
    return Insert(tuple(piece.start for piece in part), values.astype(np.float32), mask, facts)


def _is_inside(axes: list[NDArray], sac: _Sac) -> NDArray[np.bool_]:
    offsets = [axes[axis] - sac.center[axis] for axis in range(3)]
    local = [sum(offsets[axis] * sac.frame[axis, column] for axis in range(3)) for column in range(3)]
    scaled = [local[0] / sac.half[0], local[1] / sac.half[1], local[2] / sac.half[1]]
    size = np.sqrt(sum(part**2 for part in scaled))
    surface = np.ones_like(size)
    for *direction, height in sac.lobes:
        cosine = sum(part * step for part, step in zip(scaled, direction)) / np.maximum(size, 1e-6)
        surface += height * np.exp((cosine - 1) / 0.15)
    return size <= surface


def _distance(axes: list[NDArray], place: NDArray) -> NDArray:
    return np.sqrt(sum((axes[axis] - place[axis]) ** 2 for axis in range(3)))


def _grows_on(mask: NDArray[np.bool_], lumen: NDArray[np.bool_]) -> bool:
    """Whether an object touches the lumen by a face of a voxel."""
    touching = np.zeros_like(mask)
    for axis in range(3):
        for step in (-1, 1):
            touching |= np.roll(lumen, step, axis)
    return bool((mask & touching).any())
