"""Signed distances to the walls of vessels, drawn cone by cone into a volume."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medtk_monai.phantom.grid import Grid
from medtk_monai.phantom.vessels import Vessel

BAND = 1.5
"""Distances are exact up to this far from a wall, mm; beyond they are at least this."""


class Lumen:
    """The space that blood fills, on a voxel grid.

    Attributes:
        distance: signed distance to the nearest wall, mm, negative inside.
        signal: of the blood nearest to each voxel, 1 for a wide vessel where it enters the volume.
    """

    def __init__(self, grid: Grid):
        self.grid = grid
        self.distance = np.full(grid.shape, BAND, dtype=np.float32)
        self.signal = np.zeros(grid.shape, dtype=np.float32)

    def add_vessels(self, vessels: Sequence[Vessel]) -> None:
        """Unite the lumen with that of vessels, cone by cone; their signal fades with the distance travelled."""
        for vessel in vessels:
            signals = flow_signal(vessel.radii, vessel.travelled)
            for i in range(len(vessel.points) - 1):
                self._add_cone(vessel.points[i : i + 2], vessel.radii[i : i + 2], signals[i])

    def add_region(self, box: tuple[slice, slice, slice], distance: NDArray, signal: NDArray) -> None:
        """Joins a blob, given by its distances and signal in ``box``."""
        closer = distance < self.distance[box]
        np.copyto(self.distance[box], distance, where=closer)
        np.copyto(self.signal[box], signal, where=closer)

    def _add_cone(self, ends: NDArray, radii: NDArray, signal: float) -> None:
        reach = radii.max() + BAND
        box = self.grid.box(ends.min(axis=0) - reach, ends.max(axis=0) + reach)
        axis = ends[1] - ends[0]
        offsets = [line - np.float32(origin) for line, origin in zip(self.grid.axes(box), ends[0])]
        along = sum(offset * np.float32(part) for offset, part in zip(offsets, axis))
        length = np.float32(axis @ axis)
        share = np.clip(along / length, 0, 1)
        squared = sum(offset**2 for offset in offsets) + share * (share * length - 2 * along)
        distance = np.sqrt(np.maximum(squared, 0)) - np.float32(radii[0]) - share * np.float32(radii[1] - radii[0])
        self.add_region(box, distance, np.array(signal, dtype=np.float32))


def flow_signal(radii: NDArray, travelled: NDArray) -> NDArray:
    """Signal of flowing blood: slower flow in narrow vessels and every millimeter under the pulses saturate it."""
    return (0.35 + 0.65 * (1 - np.exp(-radii / 0.9))) * np.exp(-travelled / 300)
