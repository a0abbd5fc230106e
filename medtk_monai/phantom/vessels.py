"""Vessel trees: Murray's law at bifurcations, side branches with infundibula, hairpins, vessels that kiss."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from medtk_monai.phantom.grid import Grid
from medtk_monai.phantom.paths import STEP, draw_paths, path_curvature, path_tangents, perpendicular, tilted, unit

THINNEST = 0.6
"""A vessel at most this wide (radius, mm) no longer divides."""


@dataclass(frozen=True)
class Vessel:
    """A chain of cones.

    Args:
        points: (N, 3) centerline, mm.
        radii: (N,) mm.
        travelled: (N,) mm that the blood has flowed since it entered the volume.
    """

    points: NDArray
    radii: NDArray
    travelled: NDArray


@dataclass(frozen=True)
class Site:
    """A place on a vessel where an aneurysm may grow.

    Args:
        kind: ``bifurcation`` or ``bend``.
        point: (3,) on the centerline, mm.
        direction: (3,) unit vector away from the vessel: onward from an apex, away from a bend's center of curvature.
        radius: of the parent vessel, mm.
        travelled: see Vessel.
    """

    kind: str
    point: NDArray
    direction: NDArray
    radius: float
    travelled: float


@dataclass(frozen=True)
class Bud:
    """The start of a vessel that is still to grow.

    Args:
        start: (3,) mm.
        direction: (3,) unit vector.
        radius: mm.
        travelled: see Vessel.
        hidden: length of the part inside the parent, mm.
        flare: radius of the conical origin, mm; 0 where there is no infundibulum.
        divides: whether the vessel ends in a bifurcation.
        generation: number of divisions since the root.
    """

    start: NDArray
    direction: NDArray
    radius: float
    travelled: float = 0.0
    hidden: float = 0.0
    flare: float = 0.0
    divides: bool = True
    generation: int = 0


@dataclass
class Anatomy:
    """All vessels of one volume, and where aneurysms may sit."""

    grid: Grid
    vessels: list[Vessel] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)

    def clearance(self, points: NDArray) -> NDArray:
        """(..., 3) points -> (...) distance to the nearest vessel wall, mm."""
        if not self.vessels:
            return np.full(points.shape[:-1], np.inf)
        centers = np.concatenate([vessel.points[::2] for vessel in self.vessels])
        radii = np.concatenate([vessel.radii[::2] for vessel in self.vessels])
        distances = cdist(points.reshape(-1, 3), centers) - radii
        return distances.min(axis=1).reshape(points.shape[:-1])


def grow_anatomy(rng: Generator, grid: Grid, flow_axis: int) -> Anatomy:
    """Two wide and one or more narrower trees that enter through the faces of the volume, and one to three kissing vessels.

    Args:
        rng: source of randomness.
        grid: the volume.
        flow_axis: the wide trees enter at the low end of this axis.
    """
    anatomy = Anatomy(grid)
    for bud in _draw_roots(rng, grid.extent, flow_axis):
        _grow_tree(rng, anatomy, bud)
    for _ in range(rng.integers(1, 4)):
        for bud in _draw_kiss(rng, anatomy):
            _grow_vessel(rng, anatomy, bud)
    return anatomy


def _draw_roots(rng: Generator, extent: NDArray, flow_axis: int) -> list[Bud]:
    """Two like internal carotids, one like the basilar artery, up to two narrow ones from the sides."""
    across = [axis for axis in range(2 if flow_axis < 2 else 3) if axis != flow_axis]
    radii = [rng.uniform(1.8, 2.6), rng.uniform(1.8, 2.6), rng.uniform(1.2, 1.7), *rng.uniform(0.7, 1.2, size=rng.integers(0, 3))]
    lanes = rng.permutation([0.2, 0.75, 0.5]) + rng.uniform(-0.08, 0.08, size=3)
    buds = []
    for i, radius in enumerate(radii):
        start = extent * rng.uniform(0.25, 0.75, size=3)
        axis = flow_axis if i < 3 else rng.choice(across)
        side = 1.0 if i < 3 else rng.choice([-1.0, 1.0])
        if i < 3:
            start[across[0]] = extent[across[0]] * lanes[i]
        start[axis] = -1.0 if side > 0 else extent[axis] + 1.0
        buds.append(Bud(start, tilted(rng, np.eye(3)[axis] * side, rng.uniform(0, 25)), radius))
    return buds


def _draw_kiss(rng: Generator, anatomy: Anatomy) -> list[Bud]:
    """Both halves of a vessel that touches another one in passing."""
    vessel = anatomy.vessels[rng.integers(len(anatomy.vessels))]
    where = rng.integers(len(vessel.points) // 4, max(3 * len(vessel.points) // 4, len(vessel.points) // 4 + 1))
    tangent, radius = path_tangents(vessel.points)[where], rng.uniform(0.5, 1.2)
    aside = perpendicular(rng, tangent)
    start = vessel.points[where] + aside * (vessel.radii[where] + radius) * rng.uniform(0.92, 1.05)
    onward = unit(np.cross(aside, tangent) + rng.uniform(-0.8, 0.8) * tangent)
    hidden = vessel.radii[where] + radius + 1.5
    return [Bud(start, side * onward, radius, float(vessel.travelled[where]), hidden, divides=False) for side in (1.0, -1.0)]


def _grow_tree(rng: Generator, anatomy: Anatomy, root: Bud) -> None:
    buds = [root]
    while buds:
        buds += _grow_vessel(rng, anatomy, buds.pop(0))


def _grow_vessel(rng: Generator, anatomy: Anatomy, bud: Bud) -> list[Bud]:
    """Adds one vessel up to its bifurcation, and returns what branches off it."""
    divides = bud.divides and bud.radius > THINNEST and bud.generation < 6
    length = rng.uniform(8, 14) + 4 * bud.radius if divides else rng.uniform(18, 34)
    hairpin = rng.random() < (0.6 if bud.generation == 0 and bud.radius > 1.5 else 0.22)
    length += 8 * hairpin * max(bud.radius, 0.7)
    points, complete = _best_path(rng, anatomy, bud, length, hairpin)
    ends = not (divides and complete) and bool(anatomy.grid.contains(points[-1], 0.0))
    vessel = _draw_calibers(rng, bud, points, fades=ends)
    anatomy.vessels.append(vessel)
    anatomy.sites.extend(_bend_sites(vessel))
    children = _draw_side_branches(rng, bud, vessel)
    return children + _divide(rng, anatomy, bud, vessel) if divides and complete else children


def _best_path(rng: Generator, anatomy: Anatomy, bud: Bud, length: float, hairpin: bool) -> tuple[NDArray, bool]:
    """The random path that stays longest inside the volume and clear of other vessels, and whether it may divide at its end.

    A path ends where it would run into a vessel, but not before it is long enough to fade away.
    """
    paths = draw_paths(rng, bud.start, bud.direction, length, bud.radius, hairpin, count=8)
    visible = int((bud.hidden + 2.0) / STEP) + 1
    good = anatomy.clearance(paths) > bud.radius + 0.7
    good[:, :visible] = True
    inside = anatomy.grid.contains(paths, -bud.radius - 1)
    lengths = np.where(good.all(axis=1), good.shape[1], good.argmin(axis=1))
    best = (lengths + anatomy.grid.contains(paths, 3.0).sum(axis=1)).argmax()
    leaves = max(len(inside[best]) if inside[best].all() else inside[best].argmin(), 3)
    stop = min(leaves, max(lengths[best], visible + int((3 + 2 * bud.radius) / STEP)))
    return paths[best, :stop], bool(anatomy.grid.contains(paths[best, -1], 2.0) and good[best].all())


def _draw_calibers(rng: Generator, bud: Bud, points: NDArray, fades: bool) -> Vessel:
    """A vessel that tapers slightly or fades away, and may start with an infundibulum."""
    arc = np.arange(len(points)) * STEP
    share = arc / arc[-1]
    radii = bud.radius * (1 - rng.uniform(0.0, 0.1) * share)
    if fades:
        shown = np.clip((arc - bud.hidden) / max(arc[-1] - bud.hidden, STEP), 0, 1)
        radii = np.minimum(radii, np.maximum(radii * (1 - 0.8 * shown**1.5), 0.3))
    cone = bud.flare - (bud.flare - bud.radius) * np.clip((arc - bud.hidden) / 2.5, 0, 1)
    return Vessel(points, np.maximum(radii, np.where(bud.flare > 0, cone, 0)), bud.travelled + arc)


def _divide(rng: Generator, anatomy: Anatomy, bud: Bud, vessel: Vessel) -> list[Bud]:
    """Two daughters by Murray's law (PNAS 1926), with his angles; some bifurcations bulge, the others may bear an aneurysm."""
    end, radius, tangent = vessel.points[-1], vessel.radii[-1], path_tangents(vessel.points)[-1]
    ratio = rng.uniform(0.55, 1.0)
    first = radius / (1 + ratio**3) ** (1 / 3)
    radii = np.array([first, ratio * first])
    cosines = (radius**4 + radii**4 - radii[::-1] ** 4) / (2 * radius**2 * radii**2)
    angles = np.arccos(np.clip(cosines, -1, 1)) + np.radians(rng.uniform(-3, 25, size=2))
    aside = perpendicular(rng, tangent) * np.array([[1.0], [-1.0]])
    directions = np.cos(angles)[:, None] * tangent + np.sin(angles)[:, None] * aside
    if rng.random() < 0.2:
        bulge = np.stack([end - 0.2 * radius * tangent, end + 0.25 * radius * tangent])
        anatomy.vessels.append(Vessel(bulge, np.full(2, rng.uniform(1.15, 1.35) * radius), vessel.travelled[-2:]))
    else:
        onward = unit(directions.sum(axis=0))
        anatomy.sites.append(Site("bifurcation", end, onward, float(radius), float(vessel.travelled[-1])))
    travelled, generation = float(vessel.travelled[-1]), bud.generation + 1
    return [Bud(end, d, float(r), travelled, float(radius + 2 * r), generation=generation) for d, r in zip(directions, radii)]


def _draw_side_branches(rng: Generator, bud: Bud, vessel: Vessel) -> list[Bud]:
    """Thin vessels that leave a wide one at a steep angle, almost half of them through an infundibulum."""
    count = rng.integers(0, 3) if bud.radius > 1.1 and len(vessel.points) > 20 else 0
    tangents = path_tangents(vessel.points)
    buds = []
    for where in rng.integers(8, max(len(vessel.points) - 6, 9), size=count):
        radius = float(rng.uniform(0.45, 0.75))
        flare = float(rng.uniform(1.0, 1.4)) if rng.random() < 0.45 else 0.0
        direction = tilted(rng, tangents[where], rng.uniform(55, 90))
        hidden, travelled = float(vessel.radii[where]), float(vessel.travelled[where])
        buds.append(Bud(vessel.points[where], direction, radius, travelled, hidden, flare, divides=False))
    return buds


def _bend_sites(vessel: Vessel) -> list[Site]:
    """The sharpest bend of each stretch of 4 mm, where it is sharp enough."""
    curvature = path_curvature(vessel.points)
    bend = np.linalg.norm(curvature, axis=1)
    reach = int(4 / STEP)
    sharpest = [i for i in range(reach, len(bend) - reach) if bend[i] == bend[i - reach : i + reach + 1].max()]
    return [
        Site("bend", vessel.points[i], -curvature[i] / bend[i], float(vessel.radii[i]), float(vessel.travelled[i]))
        for i in sharpest
        if bend[i] > min(0.12, 0.25 / vessel.radii[i]) and vessel.radii[i] > 0.75
    ]
