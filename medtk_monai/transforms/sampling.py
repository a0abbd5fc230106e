"""Voxels that stand for all of an image."""

from __future__ import annotations

import numpy as np

MAX_VOXELS = 100_000


def evenly_sampled(values: np.ndarray, count: int = MAX_VOXELS) -> np.ndarray:
    """``count`` values of an array of any shape, flat; all where there are no more. The same places in all arrays of a shape.

    The array, in the order of its axes, is cut into as many equal pieces, each of which gives the value at a place drawn in it. A fixed step
    would fall in with rows and slices: with 100 x 1000 voxels of a slice it never leaves the first one. Shares of the values, and so
    ranks of percentiles, are off by no more than those of as many independent draws.
    """
    if values.size <= count:
        return values.reshape(-1)
    pieces = np.arange(count) + np.random.default_rng(0).random(count)
    places = np.minimum((pieces * (values.size / count)).astype(np.int64), values.size - 1)
    return values[np.unravel_index(places, values.shape)]
