"""Data sets in numbers."""

import numpy as np

from medtk_monai.planning.facts import DataFacts


def made(sides_mm, labels=None, spacing=(1.0, 1.0, 1.0), size=(96, 96, 96), centers=None, **more):
    """Facts of 50 equal images with these objects."""
    sides, dims = np.array(sides_mm, dtype=float), len(spacing)
    rng = np.random.default_rng(0)
    values = {
        "spacing": np.tile(np.array(spacing, dtype=float), (50, 1)),
        "size": np.tile(np.array(size, dtype=float), (50, 1)),
        "channels": 1,
        "orientations": ("RAS",) if dims == 3 else (),
        "unit": "arbitrary",
        "foreground": 1.0,
        "intensity": {"0": -1000.0, "100": 400.0},
        "sides_mm": sides,
        "labels": np.zeros(len(sides), dtype=np.int64) if labels is None else np.array(labels),
        "centers": rng.uniform(0.1, 0.9, sides.shape) if centers is None else np.array(centers),
        "overlap": 0.0,
        "most_objects": 3,
    }
    return DataFacts(**(values | more))


def spheres(low, high, count=200, dims=3):
    """Sides of round objects whose diameters are spread evenly in logarithm."""
    diameters = np.exp(np.linspace(np.log(low), np.log(high), count))
    return np.repeat(diameters[:, None], dims, axis=1)
