"""From a head to Hounsfield units of a CT angiogram."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from medtk_monai.phantom.head.texture import draw_lattice, texture
from medtk_monai.phantom.head.tissue import Contrast
from medtk_monai.phantom.head.vessel_map import VesselMap
from medtk_monai.phantom.head.view import View


def draw_contrast(rng: Generator) -> Contrast:
    """Hounsfield units; veins as bright as the timing of the bolus has it."""
    return {
        "gray": 39.0,
        "white": 29.0,
        "fluid": 8.0,
        "muscle": 58.0,
        "fat": -95.0,
        "bone": rng.uniform(900, 1500),
        "marrow": rng.uniform(250, 500),
        "air": -1000.0,
        "skin": 40.0,
        "eye": 12.0,
        "mucosa": 45.0,
        "plexus": rng.uniform(70, 160),
        "vein": rng.uniform(60, 280),
    }


def scan_hounsfield(
    rng: Generator, tissue: NDArray, occupancy: NDArray, vessels: VesselMap, clot: NDArray, bone: NDArray
) -> NDArray[np.float32]:
    """Hounsfield units: blood with contrast agent, calcified walls, the blur of kernel and detector, beam hardening and noise.

    Args:
        rng: source of randomness.
        tissue: Hounsfield units beside arteries.
        occupancy: share of arterial blood.
        vessels: the arteries.
        clot: share of clot.
        bone: share of bone.
    """
    view = vessels.view
    artery = np.float32(rng.uniform(220, 480))
    blood = artery * (0.85 + 0.15 * vessels.flow) * (1 - clot) + 55 * clot
    image = tissue + occupancy * (blood - tissue)
    if rng.random() < 0.5:
        image = image + _plaques(rng, vessels) * np.maximum(rng.uniform(600, 1100) - image, 0)
    image = gaussian_filter(image.astype(np.float32), rng.uniform(0.3, 0.45) / view.grid.spacing, truncate=3.0)
    hardening = gaussian_filter(bone.astype(np.float32), 9.0 / view.grid.spacing, truncate=2.0)
    image = image - np.float32(rng.uniform(5, 30)) * hardening * texture(draw_lattice(rng), view, 16.0)
    noise = gaussian_filter(rng.standard_normal(image.shape, dtype=np.float32), rng.uniform(0.35, 0.6) / view.grid.spacing, truncate=3.0)
    return image + noise * np.float32(rng.uniform(7, 18) / max(noise.std(), 1e-3))


def _plaques(rng: Generator, vessels: VesselMap) -> NDArray[np.float32]:
    """Calcium in the walls of wide arteries, here and there: 0 to 1."""
    wall = np.clip(1 - np.abs(vessels.distance) / 0.6, 0, 1)
    spots = texture(draw_lattice(rng), vessels.view, 5.0) - rng.uniform(1.3, 2.2)
    return wall * np.clip(spots / 0.4, 0, 1) * (vessels.flow > 0.9)


def table_of(view: View, rng: Generator) -> NDArray[np.float32]:
    """Hounsfield units that the head rest adds to air below the head."""
    height = rng.uniform(98, 112)
    place = view.corner[1] + (view.axes()[1] * view.directions[1, 1])[None, :, None]
    shell = np.clip(1 - np.abs(place + height) / 1.5, 0, 1)
    return (rng.uniform(600, 900) * shell).astype(np.float32)
