"""Backgrounds set to zero, as published sets have them."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label, uniform_filter

from medtk_monai.phantom.head.texture import draw_lattice, texture
from medtk_monai.phantom.head.vessel_map import VesselMap


def keep_brain(rng: Generator, image: NDArray, brain: NDArray) -> NDArray:
    """Zero outside of the brain, with the margin that a brain extraction leaves or takes.

    Args:
        rng: source of randomness.
        image: with 0 for nothing.
        brain: mm outside of the brain, negative within.
    """
    return np.where(brain < rng.uniform(-1.5, 4.0), image, 0)


def keep_vessels(rng: Generator, image: NDArray, vessels: VesselMap) -> NDArray:
    """What a segmentation of arteries leaves: they and a ragged rim, less the tissue around, without those that hardly show; some bright specks.

    Args:
        rng: source of randomness.
        image: a magnitude image, about 1 for fresh blood.
        vessels: the arteries.
    """
    view = vessels.view
    spacing = view.grid.spacing
    lifted = image - _tissue_around(image, vessels, 9.0) * np.float32(rng.uniform(0.95, 1.15))
    visible = rng.uniform(0.06, 0.13)
    width = rng.uniform(0.6, 1.2)
    rim = width + 0.3 * texture(draw_lattice(rng), view, 1.2)
    core = (vessels.distance < 0.1) & (lifted > visible)
    missed = (vessels.flow < 0.8) & (texture(draw_lattice(rng), view, 9.0) < rng.uniform(-1.8, -0.3))
    near = binary_dilation(core & ~missed, iterations=int(np.ceil(width / spacing[0])))
    near &= vessels.distance < rim
    near = _without_crumbs(near, rng.uniform(0.3, 3) / spacing.prod())
    return np.where(near | _draw_specks(rng, lifted, vessels), np.maximum(lifted, 0), 0)


def _tissue_around(image: NDArray, vessels: VesselMap, side: float) -> NDArray[np.float32]:
    """Mean of what is not artery in cubes about each voxel."""
    size = np.maximum(np.rint(side / vessels.view.grid.spacing), 3).astype(int)
    outside = (vessels.distance > 1).astype(np.float32)
    return uniform_filter(image * outside, size) / np.maximum(uniform_filter(outside, size), 0.02)


def _without_crumbs(mask: NDArray, least: float) -> NDArray:
    """Without pieces of fewer voxels."""
    pieces, _ = label(mask)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return (sizes >= least)[pieces]


def _draw_specks(rng: Generator, lifted: NDArray, vessels: VesselMap) -> NDArray[np.bool_]:
    """Pieces of fat, veins and mucosa that were taken for vessels: what is bright within balls around some bright voxels."""
    view = vessels.view
    found = np.zeros(lifted.shape, dtype=bool)
    bright = lifted > rng.uniform(0.06, 0.1)
    for _ in range(rng.integers(4, 16)):
        place = rng.integers(0, lifted.shape, size=(400, 3))
        hits = place[bright[tuple(place.T)] & (vessels.distance[tuple(place.T)] > 1)]
        if not len(hits):
            continue
        center, radius = (hits[0] + 0.5) * view.grid.spacing, min(float(rng.exponential(3.0)) + 0.6, 12.0)
        box = view.grid.box(center - radius, center + radius)
        ball = sum((line - np.float32(c)) ** 2 for line, c in zip(view.grid.axes(box), center)) < radius**2
        found[box] |= ball & bright[box]
    return found
