"""Saccular aneurysms on the arteries of a head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.spatial import ConvexHull, KDTree
from scipy.spatial.distance import pdist

from medtk_monai.phantom.aneurysms import Sac, draw_sac, smooth_union
from medtk_monai.phantom.head.anatomy import Head
from medtk_monai.phantom.head.tubes import SITES, Site
from medtk_monai.phantom.head.vessel_map import Box, VesselMap
from medtk_monai.phantom.paths import tilted

SMALLEST, LARGEST = 2.0, 15.0
"""Diameters, mm."""


@dataclass(frozen=True)
class Lesion:
    """An aneurysm in its place.

    Args:
        box: slices of the volume around it.
        mask: voxels of ``box`` in the dome and its neck, thrombosed parts too, outside of the parent's lumen.
        thrombus: share of clot in ``box``, 0 to 1.
        facts: what a datalist says about it.
    """

    box: Box
    mask: NDArray[np.bool_]
    thrombus: NDArray[np.float32]
    facts: dict[str, Any]


def draw_diameter(rng: Generator) -> float:
    """mm; median 4.4 and one in eight above 7, as screening finds them (Jeon et al., Korean J Radiol 2011;12:547; UCAS Japan, 5.7 +- 3.6)."""
    return float(np.clip(4.4 * np.exp(0.45 * rng.standard_normal()), SMALLEST + 0.2, LARGEST - 0.5))


def rank_sites(rng: Generator, sites: list[Site]) -> list[Site]:
    """In random order, the likelier first."""
    counts = {name: sum(site.name == name for site in sites) for name in SITES}
    keys = [rng.exponential() * counts[site.name] / SITES[site.name] for site in sites]
    return [sites[i] for i in np.argsort(keys, kind="stable")]


class Room:
    """Tells whether an aneurysm has room between the arteries of a head."""

    def __init__(self, head: Head):
        self.points = np.concatenate([tube.points for tube in head.arteries])
        self.radii = np.concatenate([tube.radii for tube in head.arteries])
        self.tree = KDTree(self.points)

    def base(self, site: Site, direction: NDArray) -> NDArray:
        """(3,) where a ray from the site leaves the lumen, mm."""
        steps = np.arange(0.2, 3 * site.radius + 1.0, 0.1)
        ray = site.point + steps[:, None] * direction
        near = self.tree.query_ball_point(site.point, 12.0)
        inside = (np.linalg.norm(ray[:, None] - self.points[near], axis=2) < self.radii[near]).any(axis=1)
        return ray[min(int(inside.nonzero()[0].max(initial=0)), len(ray) - 1)]

    def holds(self, sac: Sac, direction: NDArray, diameter: float, free: float) -> bool:
        """Whether no artery touches the part of the sac that rises above ``free`` mm."""
        near = self.tree.query_ball_point(sac.centers[0], diameter / 2 + 4.0)
        above = (self.points[near] - sac.base) @ direction > free
        gap = np.linalg.norm(self.points[near] - sac.centers[0], axis=1) - self.radii[near] - diameter / 2
        return not (above & (gap < 0.4)).any()


def place_lesion(rng: Generator, vessels: VesselMap, room: Room, site: Site, diameter: float) -> Lesion | None:
    """An aneurysm of about this diameter at a site, drawn into the vessels; None where it has no room."""
    for _ in range(4):
        direction = tilted(rng, site.direction, rng.uniform(0, 30))
        base = room.base(site, direction)
        sac = draw_sac(rng, base, direction, diameter, max(site.radius, 0.32 * diameter))
        if room.holds(sac, direction, diameter, (0.65 if site.kind == "bifurcation" else 0.4) * diameter):
            lesion = _draw(rng, vessels, site, sac, diameter)
            if lesion is not None:
                return lesion
    return None


def _draw(rng: Generator, vessels: VesselMap, site: Site, sac: Sac, diameter: float) -> Lesion | None:
    view = vessels.view
    turn = view.directions
    moved = Sac(view.to_grid(sac.centers), sac.half_axes, sac.frame @ turn, view.to_grid(sac.base), sac.neck_radius, sac.irregular)
    center = moved.centers[0]
    if not view.grid.contains(center, diameter / 2 + 1.5):
        return None
    box = view.grid.box(center - 0.95 * diameter - 1.5, center + 0.95 * diameter + 1.5)
    axes = view.grid.axes(box)
    distance, parent = moved.distance(axes), vessels.distance[box].copy()
    blended = smooth_union(parent, distance, 0.5)
    mask = _largest_part((blended < 0) & (parent > 0) & (distance < 0.25))
    spacing = view.grid.spacing
    measured = measure_diameter(mask, spacing)
    nominal = np.pi / 6 * diameter**3 / spacing.prod()
    if not SMALLEST <= measured <= LARGEST or mask.sum() < 0.4 * nominal or _touches_side(mask):
        return None
    direction = moved.frame[0]
    height = _rise(axes, moved.base, direction) / np.float32(diameter)
    clotted = diameter > 5 and rng.random() < 0.08 + 0.03 * diameter
    thrombus = _draw_thrombus(rng, height, mask) if clotted else np.zeros(mask.shape, dtype=np.float32)
    fill = np.where(mask | (distance < 0.6), blended, parent)
    vessels.add_region(box, fill, _draw_flow(rng, site, diameter, height, mask.shape))
    neck = 2 * sac.neck_radius
    facts = {"diameter_mm": round(measured, 2), "neck_mm": round(float(neck), 2), "site": site.name, "place": site.kind}
    return Lesion(box, mask, thrombus, facts | {"irregular": sac.irregular, "thrombosed": bool(clotted)})


def _rise(axes: list[NDArray], base: NDArray, direction: NDArray) -> NDArray[np.float32]:
    """mm above a plane."""
    parts = [(line - np.float32(origin)) * np.float32(part) for line, origin, part in zip(axes, base, direction)]
    return parts[0] + parts[1] + parts[2]


def _draw_flow(rng: Generator, site: Site, diameter: float, height: NDArray, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Slow and swirling: the larger the sac, the darker, and darker towards the dome."""
    inflow = 0.45 + 0.55 * (1 - np.exp(-max(site.radius, 0.3 * diameter) / 0.75))
    loss = np.clip((diameter - 2) / 9, 0, 1) * rng.uniform(0.1, 0.5)
    swirl = 1 + 0.08 * np.sin(height * rng.uniform(3, 9) + rng.uniform(0, 6))
    return np.broadcast_to(inflow * (1 - loss * np.clip(height, 0.2, 1)) * swirl, shape).astype(np.float32)


def _draw_thrombus(rng: Generator, height: NDArray, mask: NDArray) -> NDArray[np.float32]:
    """Clot fills the dome beyond a plane."""
    begins = rng.uniform(0.45, 0.8)
    return np.broadcast_to(np.clip((height - begins) / 0.12, 0, 1), mask.shape).astype(np.float32) * mask


def measure_diameter(mask: NDArray[np.bool_], spacing: NDArray) -> float:
    """The longest diameter of a mask, mm, from voxel center to voxel center plus a mean voxel; 0 for fewer than 8 voxels."""
    if mask.sum() < 8:
        return 0.0
    points = np.argwhere(mask) * spacing
    hull = points[ConvexHull(points, qhull_options="QJ").vertices] if len(points) > 60 else points
    return float(pdist(hull).max() + spacing.mean())


def _largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = label(mask)
    return labels == np.bincount(labels.ravel())[1:].argmax() + 1 if count else mask


def _touches_side(mask: NDArray[np.bool_]) -> bool:
    return any(np.take(mask, [0, -1], axis=axis).any() for axis in range(mask.ndim))
