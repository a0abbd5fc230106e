"""Backgrounds set to zero, as published sets have them."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label, uniform_filter


def keep_brain(rng: Generator, image: NDArray, brain: NDArray) -> NDArray:
    """Zero outside of the brain, with the margin that a brain extraction leaves or takes.

    Args:
        rng: source of randomness.
        image: with 0 for nothing.
        brain: mm outside of the brain, negative within.
    """
    return np.where(brain < rng.uniform(-1.5, 4.0), image, 0)


def keep_vessels(rng: Generator, image: NDArray, spacing: NDArray) -> NDArray:
    """Zero but for vessels and a few specks: what is brighter than tissue around, where it holds something bright and is not small.

    Args:
        rng: source of randomness.
        image: a magnitude image, about 1 for fresh blood.
        spacing: mm per voxel.
    """
    around = uniform_filter(image, np.maximum(np.rint(13 / spacing), 3).astype(int))
    middle = np.median(image[image > 0.1]) if (image > 0.1).any() else 0.3
    level = 0.5 * around + 0.5 * middle
    spread = 0.08 * rng.uniform(0.7, 1.3)
    lifted = image - level
    parts, count = label(lifted > 1.4 * spread)
    if not count:
        return np.zeros_like(image)
    sizes = np.bincount(parts.ravel(), minlength=count + 1) * spacing.prod()
    peaks = np.zeros(count + 1, dtype=np.float32)
    np.maximum.at(peaks, parts.ravel(), lifted.ravel())
    kept = (sizes > rng.uniform(3, 9)) & (peaks > rng.uniform(2.5, 3.5) * spread)
    kept[0] = False
    near = binary_dilation(kept[parts], iterations=1)
    return np.where(near, np.maximum(lifted + 0.3 * spread, 0), 0)
