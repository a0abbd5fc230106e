"""The soft and hard parts of a head as ellipsoids and capsules, mm from the tip of the basilar artery: x right, y front, z up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Ball = tuple[tuple[float, float, float], tuple[float, float, float]]

BRAIN: tuple[Ball, ...] = (
    ((0, -14, 31), (65, 83, 55)),
    ((37, 6, 0), (25, 33, 21)),
    ((0, -48, -21), (50, 39, 27)),
    ((0, -14, -14), (16, 14, 22)),
    ((0, -24, -48), (9, 9, 34)),
)
FACE: tuple[Ball, ...] = (((0, 24, -42), (64, 66, 66)), ((0, -28, -82), (62, 62, 72)), ((0, 84, -34), (14, 20, 16)))
VENTRICLES: tuple[Ball, ...] = (
    ((9, 14, 27), (5, 22, 6)),
    ((14, -18, 28), (6, 24, 6)),
    ((26, -30, 8), (4, 22, 5)),
    ((0, -4, 14), (2.2, 13, 9)),
    ((0, -32, -19), (6, 6, 9)),
)
CISTERNS: tuple[Ball, ...] = (
    ((0, 13, 4), (15, 11, 7)),
    ((0, -1, -1), (11, 5, 7)),
    ((40, 10, 14), (3.5, 24, 14)),
    ((26, 18, 9), (16, 4, 4)),
    ((0, -40, 13), (14, 7, 6)),
    ((18, -18, 4), (4, 16, 5)),
    ((20, -16, -25), (9, 6, 6)),
    ((0, -6, -22), (11, 4, 16)),
    ((0, -46, -48), (14, 13, 7)),
)
AIR: tuple[Ball, ...] = (
    ((5, 22, -13), (9, 10, 9)),
    ((6, 42, -6), (6, 16, 9)),
    ((24, 46, -32), (13, 15, 16)),
    ((8, 70, 12), (10, 5, 11)),
    ((7, 46, -33), (3, 26, 13)),
    ((0, 14, -44), (9, 8, 26)),
    ((47, -20, -27), (7, 10, 13)),
    ((44, -8, -22), (4, 4, 4)),
)
BONE: tuple[Ball, ...] = (
    ((33, -10, -24), (22, 13, 9)),
    ((16, 0, -22), (12, 9, 7)),
    ((0, 4, -19), (10, 6, 15)),
    ((30, 32, -1), (18, 12, 4)),
    ((45, -22, -28), (12, 15, 18)),
    ((0, 60, -58), (30, 16, 6)),
    ((52, 2, -50), (4, 9, 26)),
    ((0, -30, -70), (16, 10, 8)),
)
MARROW: tuple[Ball, ...] = (((0, 3, -18), (6, 3.5, 11)), ((18, 1, -24), (6, 4, 3.5)), ((0, 62, -58), (20, 10, 3)))
ORBITS: tuple[Ball, ...] = (((30, 46, -5), (17, 23, 16)), ((20, 30, -3), (9, 14, 8)))
EYES: tuple[Ball, ...] = (((32, 55, -5), (12.2, 12.2, 12.2)),)
FAT: tuple[Ball, ...] = (
    ((38, 28, -32), (10, 12, 14)),
    ((55, 30, -44), (9, 14, 16)),
    ((30, 4, -60), (8, 10, 14)),
    ((0, -62, -70), (26, 14, 22)),
)
PLEXUS: tuple[Ball, ...] = (((0, 18, -4), (6.5, 5, 3.5)), ((11.5, 14, -8), (4.5, 12, 7)))
"""Pituitary gland and cavernous sinus."""


@dataclass(frozen=True)
class Shapes:
    """The parts of one head.

    Args:
        scales: (3,) size of the head along its axes, 1 for a mean one.
        jitter: factors of the half axes of each part by its name, (M, 3) each.
        depths: mm of skull and of scalp.
    """

    scales: NDArray
    jitter: dict[str, NDArray]
    depths: tuple[float, float]

    def level(self, name: str, points: NDArray, blend: float = 0.0) -> NDArray[np.float32]:
        """(..., 3) mm -> (...) mm outside of a part, negative within; mirrored balls count on both sides.

        Args:
            name: of a part, as ``brain``.
            points: float32.
            blend: mm over which balls melt into each other.
        """
        folded = points / self.scales.astype(np.float32)
        folded[..., 0] = np.abs(folded[..., 0])
        found = np.full(points.shape[:-1], np.inf, dtype=np.float32)
        for (center, axes), factors in zip(PARTS[name], self.jitter[name]):
            half = np.asarray(axes, dtype=np.float32) * factors.astype(np.float32)
            offset = folded - np.asarray(center, dtype=np.float32)
            squared = (offset / half) ** 2
            radial = np.sqrt(squared.sum(axis=-1))
            slope = np.sqrt((squared / half**2).sum(axis=-1))
            part = radial * (radial - 1) / np.maximum(slope, np.float32(1e-3))
            found = _melt(found, part, blend)
        return found


PARTS: dict[str, tuple[Ball, ...]] = {
    "brain": BRAIN,
    "face": FACE,
    "ventricles": VENTRICLES,
    "cisterns": CISTERNS,
    "air": AIR,
    "bone": BONE,
    "marrow": MARROW,
    "orbits": ORBITS,
    "eyes": EYES,
    "fat": FAT,
    "plexus": PLEXUS,
}


def draw_shapes(rng: Generator, scales: NDArray) -> Shapes:
    """Parts of random size; sinuses and ventricles differ the most."""
    spreads = {"air": 0.15, "ventricles": 0.15, "cisterns": 0.1, "bone": 0.08, "fat": 0.15, "marrow": 0.15}
    jitter = {}
    for name, balls in PARTS.items():
        common = np.exp(spreads.get(name, 0.03) * rng.standard_normal())
        jitter[name] = common * np.exp(spreads.get(name, 0.02) * 0.5 * rng.standard_normal((len(balls), 3)))
    return Shapes(scales, jitter, (float(rng.uniform(4.5, 7.5)), float(rng.uniform(4, 9))))


def _melt(first: NDArray, second: NDArray, width: float) -> NDArray:
    if not width:
        return np.minimum(first, second)
    overlap = np.maximum(width - np.abs(first - second), 0)
    return np.minimum(first, second) - overlap**2 / np.float32(4 * width)
