"""Branches beyond the named arteries, grown over the surface of the brain until they are too thin to be seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from medtk_monai.phantom.head.arteries import Arteries, flow_of
from medtk_monai.phantom.head.curves import STEP, tangents
from medtk_monai.phantom.head.tubes import Site, Tube
from medtk_monai.phantom.paths import perpendicular, unit

THINNEST = 0.27
"""Radius where a branch is given up, mm."""
Level = Callable[[NDArray], NDArray]
"""(N, 3) mm -> (N,) mm outside of the surface of the brain, negative within."""


@dataclass(frozen=True)
class Tip:
    """A growing end.

    Args:
        point: (3,) mm.
        direction: (3,) unit vector.
        drift: (3,) where its territory lies.
        radius: mm.
        depth: mm below the surface of the brain where it runs.
    """

    point: NDArray
    direction: NDArray
    drift: NDArray
    radius: float
    depth: float


def grow_branches(rng: Generator, arteries: Arteries, level: Level) -> tuple[list[Tube], list[Site]]:
    """All branches beyond the named arteries, and the wider of their bifurcations."""
    tips = []
    for key in arteries.ends:
        tube = arteries.tubes[key]
        onward = tangents(tube.points)[-1]
        deep = not key.startswith(("m2", "callosomarginal", "frontopolar"))
        depth = float(-level(tube.points[-1:])[0]) if deep else float(rng.uniform(1, 5))
        tips += _divide(rng, Tip(tube.points[-1], onward, _territory(key, onward), float(tube.radii[-1]), min(depth, 30.0)))
    tubes: list[Tube] = []
    sites: list[Site] = []
    while tips:
        grown = _grow(rng, tips, level)
        following = []
        for tip, tube in zip(tips, grown):
            end, onward, radius = tube.points[-1], tangents(tube.points)[-1], 0.92 * tip.radius
            if level(end[None])[0] < 3:
                following += _divide(rng, Tip(end, onward, tip.drift, radius, _new_depth(rng, tip)))
                if radius > 0.5:
                    sites.append(Site("distal", "bifurcation", end, onward, radius))
        tubes += grown
        tips = following
    return tubes, sites


def _new_depth(rng: Generator, tip: Tip) -> float:
    """Branches of the cortex dive into furrows and come up again; deep ones stay."""
    return float(rng.choice([0.5, 3.0, 9.0], p=[0.5, 0.3, 0.2]) * rng.uniform(0.7, 1.3)) if tip.depth < 15 else 0.7 * tip.depth


def _territory(key: str, onward: NDArray) -> NDArray:
    side = 1.0 if key.endswith("right") else -1.0
    wishes = {
        "m2_superior": (side * 0.5, 0.1, 1.0),
        "m2_inferior": (side * 0.5, -0.9, 0.6),
        "m2_middle": (side * 0.5, -0.5, 1.0),
        "m2_temporal": (side * 0.8, -0.6, -0.2),
        "pericallosal": (0, -1.0, 0.5),
        "callosomarginal": (side * 0.1, -0.5, 0.9),
        "frontopolar": (side * 0.3, 0.4, 0.8),
    }
    return np.array(next((wish for name, wish in wishes.items() if key.startswith(name)), tuple(onward)))


def _divide(rng: Generator, tip: Tip) -> list[Tip]:
    """Two daughters by Murray's law (PNAS 1926;12:207), the narrower at the wider angle."""
    ratio = rng.uniform(0.4, 0.95)
    first = tip.radius / (1 + ratio**3) ** (1 / 3)
    aside = perpendicular(rng, tip.direction)
    tips = []
    for radius, sign, angle in ((first, 1, rng.uniform(10, 35) * ratio + 5), (ratio * first, -1, rng.uniform(30, 65))):
        turn = np.radians(angle)
        direction = unit(np.cos(turn) * tip.direction + sign * np.sin(turn) * aside)
        if radius > THINNEST:
            tips.append(Tip(tip.point, direction, unit(tip.drift + 0.9 * sign * aside + 0.3 * rng.standard_normal(3)), radius, tip.depth))
    return tips


def _grow(rng: Generator, tips: list[Tip], level: Level) -> list[Tube]:
    """All branches of one generation, each up to its division."""
    radii = np.array([tip.radius for tip in tips])
    depths = np.array([tip.depth for tip in tips])
    drifts = np.stack([tip.drift for tip in tips])
    counts = (rng.uniform(10, 26, size=len(tips)) * (0.55 + 0.5 * radii) / STEP).astype(int) + 4
    points = np.stack([tip.point for tip in tips])
    directions = np.stack([tip.direction for tip in tips])
    turns = np.zeros_like(points)
    lines = [points]
    probes = np.concatenate([np.zeros((1, 3)), 1.5 * np.eye(3)])
    for step in range(counts.max()):
        if step % 3 == 0:
            here = level((points[:, None] + probes).reshape(-1, 3)).reshape(-1, 4)
            outward = _units(here[:, 1:] - here[:, :1] + 1e-6)
        turns = 0.82 * turns + 0.085 * rng.standard_normal(points.shape)
        off = np.clip((-here[:, 0] - depths) / 6, -1.5, 1.0)[:, None]
        directions = _units(directions + turns + 0.075 * drifts + 0.22 * off * outward)
        points = points + STEP * directions
        lines.append(points)
    whole = np.stack(lines, axis=1)
    tubes = []
    for line, count, radius in zip(whole, counts, radii):
        taper = _shown(radius) * np.linspace(1, 0.92, count + 1)
        tubes.append(Tube("branch", line[: count + 1], taper, flow_of(taper) * np.exp(0.08 * rng.standard_normal())))
    return tubes


def _shown(radius: float) -> float:
    """Narrow branches are wider than Murray's law has them: two of three in an angiogram are 1.2 to 2 mm wide."""
    return max(radius, 0.3 + 0.75 * radius)


def _units(vectors: NDArray) -> NDArray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
