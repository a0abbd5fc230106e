"""Smooth, tortuous curves in space: the centerlines of phantom vessels."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

STEP = 0.6
"""Distance between neighboring points of a path, mm."""


def draw_paths(rng: Generator, start: NDArray, direction: NDArray, length: float, radius: float, hairpin: bool, count: int) -> NDArray:
    """``count`` random curves that leave one point in one direction, (count, N, 3), mm.

    The curvature is a smooth random function of the arc length, the weaker the wider the vessel.

    Args:
        rng: source of randomness.
        start: (3,) mm.
        direction: (3,) unit vector.
        length: arc length, mm.
        radius: of the vessel, mm; bounds the curvature.
        hairpin: add one tight turn by 120 to 190 degrees.
        count: number of curves.
    """
    num_steps = max(int(length / STEP), 4)
    curvature = _draw_curvature(rng, num_steps, radius, count)
    if hairpin:
        curvature += _draw_turn(rng, num_steps, radius, count)
    return _integrate(start, direction, curvature)


def path_curvature(points: NDArray) -> NDArray:
    """(N, 3) points, STEP mm apart -> (N, 3) curvature vectors, 1/mm, which point to the centers of curvature."""
    curvature = np.zeros_like(points)
    # Three steps on either side: the vector of a bend, not of the polygon's corners.
    curvature[3:-3] = (points[6:] - 2 * points[3:-3] + points[:-6]) / (3 * STEP) ** 2
    return curvature


def path_tangents(points: NDArray) -> NDArray:
    """(N, 3) points -> (N, 3) unit vectors along the path."""
    return unit(np.gradient(points, axis=0))


def unit(vectors: NDArray) -> NDArray:
    """(..., 3) vectors -> the same with length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def perpendicular(rng: Generator, direction: NDArray) -> NDArray:
    """A random unit vector at a right angle to ``direction`` (3,)."""
    vector = rng.standard_normal(3)
    return unit(vector - (vector @ direction) * direction)


def tilted(rng: Generator, direction: NDArray, degrees: float) -> NDArray:
    """``direction`` (3,), turned by an angle to a random side."""
    angle = np.radians(degrees)
    return np.cos(angle) * direction + np.sin(angle) * perpendicular(rng, direction)


def _draw_curvature(rng: Generator, num_steps: int, radius: float, count: int) -> NDArray:
    """(count, N, 2) sums of three waves along two axes across the path, 1/mm."""
    arc = np.arange(num_steps) * STEP
    wavelengths = rng.uniform(9, 35, size=(count, 3, 2, 1))
    phases = rng.uniform(0, 2 * np.pi, size=(count, 3, 2, 1))
    amplitude = rng.uniform(0.4, 1.0) * min(0.2, 0.3 / radius)
    waves = np.sin(2 * np.pi * arc / wavelengths + phases).sum(axis=1) / 3
    return amplitude * 1.3 * waves.transpose(0, 2, 1)


def _draw_turn(rng: Generator, num_steps: int, radius: float, count: int) -> NDArray:
    """(count, N, 2) curvature of one hairpin whose arms stay about a radius apart, 1/mm."""
    bend_radius = max(1.55 * radius, radius + 0.6) * rng.uniform(1.0, 1.3)
    turn_steps = int(np.radians(rng.uniform(120, 190)) * bend_radius / STEP)
    first = rng.integers(2, max(num_steps - turn_steps - 4, 3), size=count)
    side = rng.uniform(0, 2 * np.pi, size=count)
    steps = np.arange(num_steps)
    inside = (steps >= first[:, None]) & (steps < first[:, None] + turn_steps)
    return inside[..., None] / bend_radius * np.stack([np.cos(side), np.sin(side)], axis=-1)[:, None]


def _integrate(start: NDArray, direction: NDArray, curvature: NDArray) -> NDArray:
    """(K, N, 2) curvature -> (K, N, 3) points, with a frame that moves along without twisting."""
    count, num_steps, _ = curvature.shape
    tangent = np.tile(direction, (count, 1))
    helper = np.eye(3)[np.abs(direction).argmin()]
    first = np.tile(unit(helper - (helper @ direction) * direction), (count, 1))
    second = _cross(tangent, first)
    points = np.empty((count, num_steps, 3))
    position = np.tile(start, (count, 1))
    for i in range(num_steps):
        points[:, i] = position
        tangent = unit(tangent + STEP * (curvature[:, i, :1] * first + curvature[:, i, 1:] * second))
        first = unit(first - (first * tangent).sum(axis=1, keepdims=True) * tangent)
        second = _cross(tangent, first)
        position = position + STEP * tangent
    return points


def _cross(first: NDArray, second: NDArray) -> NDArray:
    """Cross products of (K, 3) vectors; NumPy's own takes three times as long for few of them."""
    return first[:, [1, 2, 0]] * second[:, [2, 0, 1]] - first[:, [2, 0, 1]] * second[:, [1, 2, 0]]
