"""Smooth curves through points, and smooth random shapes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.ndimage import map_coordinates, spline_filter

STEP = 0.6
"""Distance between neighboring points of a curve, mm."""


def curve_through(points: NDArray) -> NDArray:
    """(K, 3) points -> (N, 3) points of a smooth curve through them, STEP mm apart."""
    chords = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1) ** 0.5)])
    fine = CubicSpline(chords, points)(np.linspace(0, chords[-1], 24 * len(points)))
    return resample(fine)


def resample(points: NDArray) -> NDArray:
    """(K, 3) -> (N, 3), equally spaced along the polygon, about STEP mm apart."""
    arc = arc_lengths(points)
    count = max(int(round(arc[-1] / STEP)) + 1, 3)
    even = np.linspace(0, arc[-1], count)
    return np.stack([np.interp(even, arc, points[:, axis]) for axis in range(3)], axis=1)


def arc_lengths(points: NDArray) -> NDArray:
    """(N, 3) -> (N,) mm from the first point."""
    return np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])


def tangents(points: NDArray) -> NDArray:
    """(N, 3) -> (N, 3) unit vectors along the curve."""
    slopes = np.gradient(points, axis=0)
    return slopes / np.maximum(np.linalg.norm(slopes, axis=1, keepdims=True), 1e-9)


def curvature(points: NDArray) -> NDArray:
    """(N, 3) -> (N, 3) vectors to the center of curvature, 1/mm."""
    spacing = np.maximum(np.linalg.norm(np.gradient(points, axis=0), axis=1, keepdims=True), 1e-9)
    return np.gradient(tangents(points), axis=0) / spacing


def meander(rng: Generator, points: NDArray, amplitude: float, wavelength: float) -> NDArray:
    """The curve pushed about at random; its ends stay.

    Args:
        rng: source of randomness.
        points: (N, 3), STEP mm apart.
        amplitude: standard deviation of the push in each direction, mm.
        wavelength: mm between pushes that do not know of each other.
    """
    arc = arc_lengths(points)
    knots = max(int(np.ceil(arc[-1] / wavelength)), 1) + 1
    pushes = np.zeros((knots + 1, 3))
    pushes[1:-1] = rng.standard_normal((knots - 1, 3)) * amplitude
    shape = PchipInterpolator if knots < 3 else CubicSpline
    return points + shape(np.linspace(0, arc[-1], knots + 1), pushes)(arc)


def wobble(rng: Generator, count: int, spread: float, every: float) -> NDArray:
    """(count,) factors about 1 that vary smoothly along a curve, over ``every`` mm."""
    knots = int(count * STEP / every) + 4
    values = CubicSpline(np.arange(knots), rng.standard_normal(knots))(np.arange(count) * STEP / every)
    return np.exp(spread * np.clip(values, -2, 2))


@dataclass(frozen=True)
class Warp:
    """A smooth change of shape: scales about the origin, then pushes of a random field.

    Args:
        scales: (3,) factors along the axes.
        fields: of two lattices, spline coefficients (3, n, n, n) and their spacing, mm.
    """

    scales: NDArray
    fields: tuple[tuple[NDArray, float], ...]

    def __call__(self, points: NDArray) -> NDArray:
        """(N, 3) -> (N, 3), mm."""
        moved = points * self.scales
        pushes = [self._push(points, *field) for field in self.fields]
        return moved + sum(pushes)

    def _push(self, points: NDArray, coefficients: NDArray, spacing: float) -> NDArray:
        place = points.T / spacing + (coefficients.shape[1] - 1) / 2
        return np.stack([map_coordinates(c, place, order=3, prefilter=False, mode="nearest") for c in coefficients], axis=1)


def draw_warp(rng: Generator) -> Warp:
    """Heads differ by some 5 % in size and 2 mm in shape."""
    size = 1 + 0.045 * rng.standard_normal()
    scales = size * (1 + 0.03 * rng.standard_normal(3))
    fields = []
    for spacing, amplitude in ((38.0, 2.6), (15.0, 0.9)):
        side = int(np.ceil(220 / spacing)) + 3
        values = amplitude * rng.standard_normal((3, side, side, side))
        fields.append((np.stack([spline_filter(v, order=3) for v in values]), spacing))
    return Warp(scales, tuple(fields))
