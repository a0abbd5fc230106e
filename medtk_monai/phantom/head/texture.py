"""Random textures that belong to the head: the same place has the same value in every scan of it."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from medtk_monai.phantom.head.view import View

PERIOD = 48


def draw_lattice(rng: Generator) -> NDArray[np.float32]:
    """Random values on a cube that repeats itself."""
    return rng.standard_normal((PERIOD,) * 3, dtype=np.float32)


def texture(lattice: NDArray, view: View, scale: float) -> NDArray[np.float32]:
    """About standard normal values that vary over ``scale`` mm, at the voxels of a view."""
    offset = view.to_grid(np.zeros(3))
    values = lattice
    for axis, line in enumerate(view.axes()):
        place = (line - offset[axis]) / scale
        cell = np.floor(place).astype(int)
        share = (place - cell).astype(np.float32)
        share = share**2 * (3 - 2 * share)
        norm = 1 / np.sqrt(share**2 + (1 - share) ** 2)
        shape = [-1 if other == axis else 1 for other in range(3)]
        lower = values.take(cell % PERIOD, axis)
        values = lower * ((1 - share) * norm).reshape(shape) + values.take((cell + 1) % PERIOD, axis) * (share * norm).reshape(shape)
    return values
