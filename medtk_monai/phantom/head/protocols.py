"""How heads are scanned: modality, voxels, slab, and what is left of the background."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from medtk_monai.phantom.grid import Grid, rotation_about
from medtk_monai.phantom.head.view import View

MODALITIES = {"tof": 0.85, "cta": 0.15}
BACKGROUNDS = {"whole": 0.45, "brain": 0.2, "vessels": 0.35}
"""What is drawn unless asked for, and how often. ``brain`` is zero outside of the brain, ``vessels`` but for vessels and some bright specks."""

TOF_VOXELS = (
    (0.28, 0.5, 2.0),
    (0.3, 0.6, 1.9),
    (0.36, 0.5, 1.8),
    (0.39, 0.55, 1.6),
    (0.41, 0.6, 1.4),
    (0.47, 0.7, 1.5),
    (0.47, 0.8, 1.3),
    (0.52, 0.65, 1.6),
    (0.6, 0.8, 1.2),
    (0.7, 1.0, 1.0),
)
"""Voxels as reconstructed, in plane and across, mm, and by what the scanner interpolated in plane; of published sets and clinical protocols
(ADAM: Timmins et al., NeuroImage 2021;238:118216; OpenNeuro ds003949; IXI)."""
CTA_VOXELS = ((0.35, 0.5, 1.0), (0.4, 0.6, 1.0), (0.43, 0.75, 1.0), (0.49, 1.0, 1.0), (0.6, 0.8, 1.0))
SIZES = ("crop", "slab", "mixed")
CROP = (96, 96, 64)
"""Voxels of a crop unless asked for."""


@dataclass(frozen=True)
class Protocol:
    """A scan to be made.

    Args:
        modality: of ``MODALITIES``.
        background: of ``BACKGROUNDS``.
        slab: what the scanner images.
        interpolation: (3,) by what voxels are smaller than what was acquired, along each axis.
    """

    modality: str
    background: str
    slab: View
    interpolation: NDArray[np.float64]


def draw_protocol(rng: Generator, modality: str | None, background: str | None, voxels: tuple[float, float] | None = None) -> Protocol:
    """A protocol, of a given modality, background and size of voxels unless they are None."""
    modality = modality or _choose(rng, MODALITIES)
    background = background or _choose(rng, BACKGROUNDS)
    table = TOF_VOXELS if modality == "tof" else CTA_VOXELS
    in_plane, across, factor = table[rng.integers(len(table))]
    spacing = np.array([in_plane, in_plane, across]) * np.exp(0.04 * rng.standard_normal())
    spacing = (spacing[[0, 0, 2]] if voxels is None else np.array(voxels)[[0, 0, 1]]).round(4)
    interpolation = np.array([factor, factor * rng.uniform(0.8, 1.2), rng.choice([1.0, 1.4, 2.0], p=[0.55, 0.25, 0.2])])
    interpolation = np.maximum(interpolation, 1) if modality == "tof" else np.ones(3)
    small = rng.random() < 0.4
    extent = np.array([rng.uniform(100, 125), rng.uniform(125, 165), 0]) if small else np.array([1.0, 1.0, 0]) * rng.uniform(172, 215)
    extent[2] = rng.uniform(70, 108) if modality == "tof" else rng.uniform(75, 125)
    shape = tuple(int(2 * round(float(side) / 2)) for side in extent / spacing)
    center = np.array([rng.normal(0, 2), 5 - 18 * (extent[1] > 150) + rng.normal(0, 4), rng.normal(13, 5)])
    return Protocol(modality, background, _view(rng, shape, spacing, center), interpolation)


def crop_around(rng: Generator, slab: View, point: NDArray, shape: tuple[int, ...], margin: float) -> View:
    """A crop of the slab in which a point lies at random, ``margin`` mm from the border where there is room."""
    size = np.array(shape)
    place = slab.to_grid(point) / slab.grid.spacing
    keep = np.minimum(margin / slab.grid.spacing, size / 2 - 1)
    first = np.floor(place - rng.uniform(keep, size - keep)).astype(int)
    room = np.array(slab.grid.shape) - size
    # A crop that is larger than the slab, or around a point outside of it, reaches beyond the slab.
    inside = np.clip(first, np.minimum(0, room), np.maximum(0, room))
    reached = (inside * slab.grid.spacing + margin < place * slab.grid.spacing) & (place < inside + size - keep)
    return slab.crop(np.where(reached, inside, first), tuple(shape))


def with_slab(protocol: Protocol, slab: View) -> Protocol:
    """The same protocol over another place."""
    return replace(protocol, slab=slab)


def _choose(rng: Generator, weights: dict[str, float]) -> str:
    return str(rng.choice(list(weights), p=list(weights.values())))


def _view(rng: Generator, shape: tuple[int, ...], spacing: NDArray, center: NDArray) -> View:
    """A slab tilted against the head as patients lie, its voxels in LPS or RAS order; the file mostly tells oblique axes, else none."""
    tilts = np.radians([rng.normal(-4, 7), rng.normal(0, 3), rng.normal(0, 3)])
    turn = rotation_about(tilts)
    flips = np.diag(np.array([[1.0, 1.0, 1.0], [-1.0, -1.0, 1.0]])[int(rng.random() < 0.6)])
    directions = turn @ flips
    told = directions if rng.random() < 0.6 else flips
    affine = np.eye(4)
    affine[:3, :3] = told * spacing
    affine[:3, 3] = rng.uniform(-30, 30, size=3) - affine[:3, :3] @ (np.array(shape) / 2)
    corner = center - directions @ (np.array(shape) * spacing / 2)
    return View(Grid(shape, spacing, affine), directions, corner)
