"""Saccular aneurysms: shapes, and where on a vessel tree they find room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from medtk_monai.phantom.lumen import Lumen, flow_signal
from medtk_monai.phantom.paths import perpendicular, tilted, unit
from medtk_monai.phantom.vessels import Site

SMALLEST, LARGEST = 2.0, 10.0
"""Diameters of aneurysms, mm."""


@dataclass(frozen=True)
class Sac:
    """A dome of one or more ellipsoids on a neck.

    Args:
        centers: (M, 3) mm.
        half_axes: (M, 3) mm.
        frame: (3, 3) unit vectors of the half axes as rows.
        base: (3,) where the neck leaves the parent vessel, mm.
        neck_radius: mm.
        irregular: whether it has lobes, a daughter bleb or a long shape.
    """

    centers: NDArray
    half_axes: NDArray
    frame: NDArray
    base: NDArray
    neck_radius: float
    irregular: bool

    def distance(self, axes: list[NDArray]) -> NDArray[np.float32]:
        """Approximate signed distance, mm, at points that broadcastable coordinates span."""
        parts = [_ellipsoid_distance(axes, *part, self.frame) for part in zip(self.centers, self.half_axes)]
        dome = parts[0]
        for part in parts[1:]:
            dome = smooth_union(dome, part, 0.4)
        neck = _capsule_distance(axes, self.base, self.centers[0], self.neck_radius)
        return smooth_union(dome, neck, 0.3)


@dataclass(frozen=True)
class Aneurysm:
    """An aneurysm in its place.

    Args:
        box: slices of the volume around it.
        mask: voxels of ``box`` in the dome and its neck, outside the parent's lumen.
        distance: signed distance in ``box``, mm, of the sac blended into its parent.
        signal: of its blood, in ``box``.
        facts: what a datalist says about it.
    """

    box: tuple[slice, slice, slice]
    mask: NDArray[np.bool_]
    distance: NDArray[np.float32]
    signal: NDArray[np.float32]
    facts: dict[str, Any]


def smooth_union(first: NDArray, second: NDArray, width: float) -> NDArray:
    """Minimum of two distances with a fillet ``width`` mm wide where they are about equal."""
    overlap = np.maximum(width - np.abs(first - second), 0)
    return np.minimum(first, second) - overlap**2 / (4 * width)


def draw_diameter(rng: Generator) -> float:
    """Skewed to small ones, like those found by screening; mm."""
    return float(np.clip(4.1 * np.exp(0.4 * rng.standard_normal()), 2.5, 9.5))


def place_aneurysm(rng: Generator, lumen: Lumen, sites: list[Site], diameter: float, flat: bool) -> Aneurysm | None:
    """The first of the sites, in random order, where an aneurysm of this diameter has room; None if there is none.

    In most tries bifurcations come before bends, in the others after them.

    Args:
        rng: source of randomness.
        lumen: the vessels and the aneurysms so far.
        sites: where it may sit.
        diameter: mm.
        flat: ask that most of it is seen beside the vessels in a projection along the last axis.
    """
    fitting = [site for site in sites if site.radius > max(0.75, diameter / 7.5)]
    preferred = "bifurcation" if rng.random() < 0.65 else "bend"
    order = sorted(rng.permutation(len(fitting)).tolist(), key=lambda index: fitting[index].kind != preferred)
    for index in order:
        for _ in range(3):
            aneurysm = _try_site(rng, lumen, fitting[index], diameter)
            if aneurysm is not None and not (flat and _is_hidden(lumen, aneurysm)):
                return aneurysm
    return None


def _try_site(rng: Generator, lumen: Lumen, site: Site, diameter: float) -> Aneurysm | None:
    direction = tilted(rng, site.direction, rng.uniform(0, 20))
    base = _find_wall(lumen, site, direction)
    if base is None:
        return None
    sac = draw_sac(rng, base, direction, diameter, site.radius)
    if not lumen.grid.contains(sac.centers[0], diameter / 2 + 1.5):
        return None
    box = lumen.grid.box(sac.centers[0] - 0.9 * diameter - 1, sac.centers[0] + 0.9 * diameter + 1)
    axes = lumen.grid.axes(box)
    distance, parent = sac.distance(axes), lumen.distance[box]
    height = sum((line - origin) * part for line, origin, part in zip(axes, base, direction))
    # The daughters of a bifurcation flank the sac; elsewhere a vessel beside it would hide it.
    free = (0.7 if site.kind == "bifurcation" else 0.4) * diameter
    if ((distance < 0.6) & (parent < 0.4) & (height > free)).any():
        return None
    blended = smooth_union(parent, distance, 0.5)
    mask = _main_component((blended < 0) & (parent > 0) & (distance < 0.25))
    measured = measure_diameter(mask, lumen.grid.spacing)
    nominal = np.pi / 6 * diameter**3 / lumen.grid.spacing.prod()
    if not SMALLEST <= measured <= LARGEST or mask.sum() < 0.4 * nominal or _touches_side(mask):
        return None
    signal = _draw_signal(rng, site, diameter, height, distance.shape)
    facts = {"diameter_mm": round(measured, 2), "site": site.kind, "irregular": sac.irregular}
    return Aneurysm(box, mask, np.where(mask | (distance < 0.6), blended, parent), signal, facts)


def draw_sac(rng: Generator, base: NDArray, direction: NDArray, diameter: float, parent_radius: float) -> Sac:
    """A sac of about one diameter that rises from ``base``; the neck is narrower than the dome and than the parent vessel."""
    radius = diameter / 2
    neck_radius = min(rng.uniform(0.4, 0.8) * radius, 0.95 * parent_radius)
    side = perpendicular(rng, direction)
    frame = np.stack([direction, side, np.cross(direction, side)])
    half_axes = radius * np.array([1.0, rng.uniform(0.85, 1.0), rng.uniform(0.85, 1.0)])
    kind = rng.choice(["round", "lobes", "bleb", "long"], p=[0.7, 0.1, 0.1, 0.1])
    if kind == "long":
        half_axes = radius * np.array([1.0, rng.uniform(0.55, 0.7), rng.uniform(0.6, 0.8)])
    if kind in ("lobes", "bleb"):
        half_axes = half_axes * 0.8
    rise = half_axes[0] * np.sqrt(max(1 - (neck_radius / half_axes[1:].max()) ** 2, 0.2)) + 0.2
    center = base + rise * direction
    centers, sizes = [center], [half_axes]
    for _ in range({"lobes": int(rng.integers(1, 3)), "bleb": 1}.get(str(kind), 0)):
        share = rng.uniform(0.6, 0.75) if kind == "lobes" else rng.uniform(0.35, 0.5)
        away = unit(direction * rng.uniform(-0.1, 1.0) + perpendicular(rng, direction))
        centers.append(center + away * half_axes.mean() * (1.15 - 0.5 * share))
        sizes.append(half_axes * share)
    return Sac(np.stack(centers), np.stack(sizes), frame, base, float(neck_radius), kind != "round")


def measure_diameter(mask: NDArray[np.bool_], spacing: NDArray) -> float:
    """The longest diameter of a mask, mm, from voxel center to voxel center plus a mean voxel; 0 for fewer than 18 voxels."""
    if mask.sum() < 18:
        return 0.0
    points = np.argwhere(mask) * spacing
    hull = points[ConvexHull(points, qhull_options="QJ").vertices]
    return float(pdist(hull).max() + spacing.mean())


def _find_wall(lumen: Lumen, site: Site, direction: NDArray) -> NDArray | None:
    """(3,) where a ray from the site leaves the lumen, mm; None where it leaves the volume or runs on inside a vessel."""
    steps = np.arange(0.3, 3 * site.radius + 1.5, 0.15)
    ray = site.point + steps[:, None] * direction
    if not lumen.grid.contains(ray, lumen.grid.spacing.max()).all():
        return None
    outside = lumen.distance[tuple((ray / lumen.grid.spacing).astype(int).T)] > 0
    return ray[outside.argmax()] if outside.any() else None


def _draw_signal(rng: Generator, site: Site, diameter: float, height: NDArray, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Slow and swirling flow: the larger the sac, the darker, and darker towards the dome."""
    inflow = flow_signal(np.array(max(site.radius, 0.3 * diameter)), np.array(site.travelled))
    loss = (diameter - 2) / 8 * rng.uniform(0.1, 0.45)
    swirl = 1 + 0.08 * np.sin(height * rng.uniform(0.8, 2.0) + rng.uniform(0, 6))
    fading = 1 - loss * np.clip(height / diameter, 0.2, 1)
    return np.broadcast_to(inflow * fading * swirl, shape).astype(np.float32)


def _main_component(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = label(mask)
    return labels == np.bincount(labels.ravel())[1:].argmax() + 1 if count else mask


def _touches_side(mask: NDArray[np.bool_]) -> bool:
    return any(np.take(mask, [0, -1], axis=axis).any() for axis in range(mask.ndim))


def _is_hidden(lumen: Lumen, aneurysm: Aneurysm) -> bool:
    """Whether vessels cover over a third of it in a projection along the last axis."""
    covered = (lumen.distance[aneurysm.box[:2]] < 0).any(axis=-1)
    shown = aneurysm.mask.any(axis=-1)
    return bool((covered & shown).sum() > 0.35 * shown.sum())


def _ellipsoid_distance(axes: list[NDArray], center: NDArray, half_axes: NDArray, frame: NDArray) -> NDArray[np.float32]:
    offsets = [line - np.float32(origin) for line, origin in zip(axes, center)]
    scaled = [sum(o * np.float32(part) for o, part in zip(offsets, row)) / np.float32(a) for row, a in zip(frame, half_axes)]
    level = np.sqrt(sum(s**2 for s in scaled))
    slope = np.sqrt(sum((s / np.float32(a)) ** 2 for s, a in zip(scaled, half_axes)))
    return level * (level - 1) / np.maximum(slope, np.float32(1e-3))


def _capsule_distance(axes: list[NDArray], start: NDArray, end: NDArray, radius: float) -> NDArray[np.float32]:
    axis = end - start
    offsets = [line - np.float32(origin) for line, origin in zip(axes, start)]
    share = np.clip(sum(o * np.float32(part) for o, part in zip(offsets, axis)) / np.float32(axis @ axis), 0, 1)
    squared = sum((o - share * np.float32(part)) ** 2 for o, part in zip(offsets, axis))
    return np.sqrt(squared) - np.float32(radius)
