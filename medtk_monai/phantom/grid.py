"""Voxel grids of phantom scans: spacing, orientation, and where things lie in millimeters along the image axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray


@dataclass(frozen=True)
class Grid:
    """A voxel grid. Positions inside it are mm along its own axes; voxel i covers [i, i + 1) * spacing.

    Args:
        shape: voxels along each of three axes.
        spacing: mm per voxel.
        affine: (4, 4), voxel centers -> world mm.
    """

    shape: tuple[int, ...]
    spacing: NDArray[np.float64]
    affine: NDArray[np.float64]

    @property
    def extent(self) -> NDArray[np.float64]:
        """Side lengths, mm."""
        return np.array(self.shape) * self.spacing

    def box(self, lower: NDArray, upper: NDArray) -> tuple[slice, slice, slice]:
        """Slices of the voxels whose centers lie between two corners in mm; empty ones outside the grid."""
        start = np.clip(np.ceil(lower / self.spacing - 0.5), 0, self.shape).astype(int)
        stop = np.clip(np.floor(upper / self.spacing - 0.5) + 1, start, self.shape).astype(int)
        return tuple(slice(a, b) for a, b in zip(start.tolist(), stop.tolist()))  # type: ignore[return-value]

    def axes(self, box: tuple[slice, slice, slice]) -> list[NDArray[np.float32]]:
        """Positions in mm of the voxel centers of ``box``: three arrays that broadcast to its shape."""
        lines = [((np.arange(part.start, part.stop) + 0.5) * step).astype(np.float32) for part, step in zip(box, self.spacing)]
        return [lines[0][:, None, None], lines[1][None, :, None], lines[2][None, None, :]]

    def contains(self, points: NDArray, margin: float) -> NDArray[np.bool_]:
        """Whether (..., 3) points in mm lie at least ``margin`` mm inside the grid."""
        return np.all((points >= margin) & (points <= self.extent - margin), axis=-1)


def draw_grid(rng: Generator, shape: tuple[int, ...], flat: bool) -> Grid:
    """A grid like those of time-of-flight angiography: anisotropic, LPS or RAS order of voxels, one in three oblique.

    Args:
        rng: source of randomness.
        shape: voxels along each axis.
        flat: turn within the plane of the first two axes only, so that these two span a 2D image of the world.
    """
    in_plane, slices = rng.uniform(0.45, 0.6), rng.uniform(0.55, 0.8)
    spacing = np.array([in_plane, in_plane, slices]).round(4)
    flips = np.diag([rng.choice([-1.0, 1.0]), rng.choice([-1.0, 1.0]), 1.0])
    tilts = np.radians(rng.uniform(-20, 20, size=3)) * (rng.random() < 1 / 3)
    rotation = rotation_about(tilts * [not flat, not flat, True])
    affine = np.eye(4)
    affine[:3, :3] = rotation @ flips * spacing
    affine[:3, 3] = rng.uniform(-30, 30, size=3) - affine[:3, :3] @ (np.array(shape) / 2)
    return Grid(shape, spacing, affine)


def rotation_about(angles: NDArray) -> NDArray[np.float64]:
    """(3,) angles about the three axes, radians -> (3, 3)."""
    rotation = np.eye(3)
    for axis, angle in enumerate(angles):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[second, first], turn[first, second] = np.sin(angle), -np.sin(angle)
        rotation = turn @ rotation
    return rotation
