"""From lumen to scanner values: tissue, partial volume, bias field, noise."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from medtk_monai.phantom.grid import Grid
from medtk_monai.phantom.lumen import Lumen

TISSUE, BLOOD = 62.0, 235.0
"""Scanner values of brain and of unsaturated blood."""


def render_image(rng: Generator, lumen: Lumen, flow_axis: int) -> NDArray[np.int16]:
    """A magnitude image of the lumen in brain-like surroundings."""
    grid = lumen.grid
    tissue = _draw_tissue(rng, grid)
    occupancy = np.clip(0.5 - lumen.distance / np.float32(grid.spacing.mean()), 0, 1)
    entry = np.linspace(1.0, rng.uniform(0.78, 0.95), grid.shape[flow_axis], dtype=np.float32)
    saturation = np.expand_dims(entry, [axis for axis in range(3) if axis != flow_axis])
    blood = TISSUE * 0.6 + (BLOOD - TISSUE * 0.6) * lumen.signal * saturation
    image = tissue + occupancy * (np.maximum(blood, tissue) - tissue)
    image = gaussian_filter(image, rng.uniform(0.4, 0.55), truncate=3.0)
    image *= np.exp(0.12 * smooth_noise(rng, grid, 35.0))
    sigma = (BLOOD - TISSUE) / rng.uniform(12, 18)
    noise = rng.standard_normal((2, *grid.shape), dtype=np.float32) * np.float32(sigma)
    return np.rint(np.hypot(image + noise[0], noise[1])).astype(np.int16)


def smooth_noise(rng: Generator, grid: Grid, scale: float) -> NDArray[np.float32]:
    """Random values that vary over ``scale`` mm, about standard normal."""
    cells = np.ceil(grid.extent / scale).astype(int) + 2
    values = rng.standard_normal(cells, dtype=np.float32)
    for axis, (size, spacing) in enumerate(zip(grid.shape, grid.spacing)):
        place = np.arange(size) * spacing / scale + rng.random()
        cell = np.floor(place).astype(int)
        share = (place - cell).astype(np.float32)
        # The fade of Perlin noise, scaled so that the variance stays the same between the nodes.
        share = share**2 * (3 - 2 * share)
        share = np.expand_dims(share, [other for other in range(3) if other != axis])
        lower, upper = values.take(cell, axis), values.take(cell + 1, axis)
        values = (lower * (1 - share) + upper * share) / np.sqrt(share**2 + (1 - share) ** 2)
    return values


def _draw_tissue(rng: Generator, grid: Grid) -> NDArray[np.float32]:
    """Gray and white matter, dark spinal fluid, and often fat: a spot, or bone and scalp in a corner."""
    tissue = np.float32(TISSUE) * (1 + 0.1 * smooth_noise(rng, grid, 7.0) + 0.06 * smooth_noise(rng, grid, 2.5))
    fluid = _soft_step(smooth_noise(rng, grid, 9.0) - rng.uniform(0.9, 1.4), 0.25)
    tissue = tissue * (1 - 0.55 * fluid)
    for _ in range(rng.integers(0, 3)):
        tissue = tissue + _draw_fat(rng, grid, tissue)
    return _add_scalp(rng, grid, tissue) if rng.random() < 0.45 else tissue


def _draw_fat(rng: Generator, grid: Grid, tissue: NDArray) -> NDArray[np.float32]:
    """A dim, uneven, blurred blob, about as bright as a narrow vessel: what it adds to the tissue."""
    center, half_axes = grid.extent * rng.random(3), rng.uniform(1.5, 5, size=3)
    axes = grid.axes(grid.box(np.zeros(3), grid.extent))
    level = np.sqrt(sum(((line - np.float32(c)) / np.float32(a)) ** 2 for line, c, a in zip(axes, center, half_axes)))
    uneven = level + 0.25 * smooth_noise(rng, grid, 3.0)
    return np.float32(rng.uniform(0.4, 0.9)) * tissue * _soft_step(1 - uneven, 0.25)


def _add_scalp(rng: Generator, grid: Grid, tissue: NDArray) -> NDArray[np.float32]:
    """Dark bone, brighter fat and dark air outside a sphere that cuts off a corner of the volume."""
    corner = grid.extent * rng.choice([0.0, 1.0], size=3)
    inward = (grid.extent / 2 - corner) / np.linalg.norm(grid.extent / 2)
    center = corner + inward * (70 + rng.uniform(4, 10))
    axes = grid.axes(grid.box(np.zeros(3), grid.extent))
    depth = np.sqrt(sum((line - np.float32(c)) ** 2 for line, c in zip(axes, center))) - np.float32(70 - 3)
    depth = depth + 0.5 * smooth_noise(rng, grid, 12.0)
    for start, factor in ((0.0, 0.35), (3.0, 1.9), (6.5, 0.1)):
        share = _soft_step(depth - start, 0.4)
        tissue = tissue * (1 - share) + TISSUE * factor * share
    return tissue


def _soft_step(values: NDArray, width: float) -> NDArray[np.float32]:
    """0 below ``-width``, 1 above ``width``, a ramp between."""
    return np.clip(values / np.float32(2 * width) + np.float32(0.5), 0, 1)
