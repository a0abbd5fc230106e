"""Where a scan lies in the head: a voxel grid, its directions and its corner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medtk_monai.phantom.grid import Grid


@dataclass(frozen=True)
class View:
    """A voxel grid in the head.

    Args:
        grid: positions along its own axes are mm from its corner.
        directions: (3, 3), columns are the axes of the grid in the head.
        corner: (3,) of the grid, mm of the head.
    """

    grid: Grid
    directions: NDArray[np.float64]
    corner: NDArray[np.float64]

    def to_grid(self, points: NDArray) -> NDArray:
        """(..., 3) mm of the head -> mm along the axes of the grid."""
        return (points - self.corner) @ self.directions

    def to_head(self, points: NDArray) -> NDArray:
        """(..., 3) mm along the axes of the grid -> mm of the head."""
        return points @ self.directions.T + self.corner

    def padded(self, voxels: int) -> View:
        """The same with so many more voxels on every side."""
        shift = np.full(3, float(voxels)) * self.grid.spacing
        return self._moved(tuple(size + 2 * voxels for size in self.grid.shape), self.grid.spacing, -shift)

    def lattice(self, step: float, margin: float) -> View:
        """A coarser grid of cubes over the same place and ``margin`` mm around it, whose nodes stay where they are in the head."""
        offset = -self.to_grid(np.zeros(3))
        first = np.floor((offset - margin) / step) * step - offset
        count = np.ceil((self.grid.extent + margin - first) / step).astype(int) + 1
        return self._moved(tuple(count.tolist()), np.full(3, step), first)

    def crop(self, first: NDArray, shape: tuple[int, ...]) -> View:
        """The part of ``shape`` voxels that begins at a voxel."""
        return self._moved(shape, self.grid.spacing, np.asarray(first) * self.grid.spacing)

    def _moved(self, shape: tuple[int, ...], spacing: NDArray, shift: NDArray) -> View:
        turn = self.grid.affine[:3, :3] / self.grid.spacing
        affine = np.eye(4)
        affine[:3, :3] = turn * spacing
        affine[:3, 3] = self.grid.affine[:3, 3] + turn @ (shift + spacing / 2 - self.grid.spacing / 2)
        return View(Grid(shape, spacing, affine), self.directions, self.corner + self.directions @ shift)

    def axes(self) -> list[NDArray]:
        """Positions of voxel centers along each axis of the grid, mm from its corner; for a lattice its nodes."""
        return [(np.arange(size) + 0.5) * step for size, step in zip(self.grid.shape, self.grid.spacing)]


def head_points(view: View) -> NDArray[np.float32]:
    """(X, Y, Z, 3) mm of the head, of all voxel centers."""
    lines = view.axes()
    columns = view.directions.astype(np.float32)
    parts = [line.astype(np.float32)[:, None] * columns[:, axis] for axis, line in enumerate(lines)]
    return parts[0][:, None, None] + parts[1][None, :, None] + parts[2][None, None] + view.corner.astype(np.float32)


def resampled(values: NDArray, source: View, target: View) -> NDArray[np.float32]:
    """Values on one grid, linearly between its voxel centers, at those of another one with the same directions."""
    shift = source.to_grid(target.corner)
    for axis, line in enumerate(target.axes()):
        place = np.clip((line + shift[axis]) / source.grid.spacing[axis] - 0.5, 0, values.shape[axis] - 1.001)
        cell = place.astype(int)
        share = (place - cell).astype(np.float32).reshape([-1 if other == axis else 1 for other in range(3)])
        lower = values.take(cell, axis)
        values = lower + (values.take(cell + 1, axis) - lower) * share
    return values
