"""What readers take for aneurysms: infundibula, wide junctions, stumps, tight loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from medtk_monai.phantom.head.curves import STEP, arc_lengths, curvature
from medtk_monai.phantom.head.tubes import LookAlike, Tube


def add_infundibulum(rng: Generator, tube: Tube, parent_radius: float) -> tuple[Tube, LookAlike]:
    """A branch that begins as a cone, at most 3 mm wide at the wall of its parent, with the branch at its tip."""
    arc = arc_lengths(tube.points)
    width, length = rng.uniform(1.8, 3.0), rng.uniform(1.8, 3.2)
    share = np.clip((arc - parent_radius) / length, 0, 1)
    cone = width / 2 - (width / 2 - tube.radii) * share
    radii = np.maximum(tube.radii, np.where(arc < parent_radius + length, np.minimum(cone, 0.9 * parent_radius), 0))
    where = int((arc < parent_radius + 0.4 * length).sum())
    return replace(tube, radii=radii), LookAlike("infundibulum", tube.name, tube.points[min(where, len(arc) - 1)], float(width))


def bulge_at(rng: Generator, tube: Tube) -> tuple[Tube, LookAlike]:
    """A tube that is a little wider before it divides."""
    arc = arc_lengths(tube.points)
    factor = rng.uniform(1.15, 1.4)
    radii = tube.radii * (1 + (factor - 1) * np.exp(-(((arc[-1] - arc) / (1.2 * tube.radii[-1])) ** 2)))
    return replace(tube, radii=radii), LookAlike("junction", tube.name, tube.points[-1], float(2 * radii[-1]))


def cut_to_stump(rng: Generator, tube: Tube) -> tuple[Tube, LookAlike]:
    """An artery that ends bluntly after a few millimeters, as an occluded one does."""
    keep = min(int(rng.uniform(4, 9) / STEP), len(tube.points))
    cut = replace(tube, points=tube.points[:keep], radii=tube.radii[:keep], flow=tube.flow[:keep])
    return cut, LookAlike("stump", tube.name, cut.points[-1], float(2 * cut.radii[-1]))


def sharpest_bend(tube: Tube) -> LookAlike | None:
    """The tightest bend of an artery, where it turns within about its own width."""
    bend = np.linalg.norm(curvature(tube.points), axis=1) * tube.radii
    where = int(bend[2:-2].argmax()) + 2 if len(bend) > 6 else 0
    if bend[where] < 0.45 or tube.radii[where] < 0.6:
        return None
    return LookAlike("loop", tube.name, tube.points[where], float(4 * tube.radii[where]))
