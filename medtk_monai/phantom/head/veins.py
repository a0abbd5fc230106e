"""Veins and sinuses: in time-of-flight scans dim, as blood from above is saturated; in CT as bright as their timing has it."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from medtk_monai.phantom.head.curves import STEP, Warp, curve_through, meander, resample, wobble
from medtk_monai.phantom.head.template import MIDDLE_VEINS, SIDE_VEINS, VEIN_DIAMETERS
from medtk_monai.phantom.head.tubes import Tube
from medtk_monai.phantom.paths import unit


def draw_veins(rng: Generator, warp: Warp) -> list[Tube]:
    """Dural sinuses, of which one transverse is mostly the wider, deep veins, and bridging veins of the cortex."""
    dominant = rng.uniform(0.35, 1.0)
    factors = rng.permutation([1.1, dominant])
    veins = [_lay(rng, warp, np.array(line), VEIN_DIAMETERS[name], name) for name, line in MIDDLE_VEINS.items()]
    for sign, factor in zip((1.0, -1.0), factors):
        for name, line in SIDE_VEINS.items():
            wide = VEIN_DIAMETERS[name] * (factor if name in ("transverse", "sigmoid") else np.exp(0.2 * rng.standard_normal()))
            veins.append(_lay(rng, warp, np.array(line) * [sign, 1, 1], wide, name))
        veins += [_bridge(rng, veins[2], sign) for _ in range(rng.integers(5, 9))]
    return veins


def _lay(rng: Generator, warp: Warp, line: NDArray, diameter: float, name: str) -> Tube:
    points = resample(meander(rng, curve_through(warp(line)), 0.8, 12.0))
    radii = diameter / 2 * wobble(rng, len(points), 0.12, 7.0)
    return Tube(name, points, radii, np.exp(0.15 * rng.standard_normal()) * wobble(rng, len(points), 0.1, 15.0))


def _bridge(rng: Generator, sinus: Tube, sign: float) -> Tube:
    """A vein of the cortex that ends in the sagittal sinus."""
    end = sinus.points[rng.integers(len(sinus.points) // 4, len(sinus.points) - 4)]
    center = np.array([0, -14, 20])
    points, direction = [end], unit(np.array([sign, 0.3 * rng.standard_normal(), -0.15]))
    for _ in range(int(rng.uniform(25, 60) / STEP)):
        outward = unit((points[-1] - center) / [1, 1.3, 1])
        direction = unit(direction + 0.1 * rng.standard_normal(3) + [0, 0, -0.04])
        direction = unit(direction - (direction @ outward + 0.02) * outward)
        points.append(points[-1] + STEP * direction)
    line = np.stack(points)
    radii = rng.uniform(0.8, 1.5) * np.linspace(1, 0.5, len(line))
    return Tube("bridging", line, radii, np.full(len(line), np.exp(0.2 * rng.standard_normal())))
