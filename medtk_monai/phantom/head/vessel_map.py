"""Signed distances to the walls of vessels, drawn tube by tube into a volume."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medtk_monai.phantom.head.tubes import Tube
from medtk_monai.phantom.head.view import View

Box = tuple[slice, slice, slice]
BAND = 2.0
"""Distances are exact up to this far from a wall, mm; beyond they are at least this."""


class VesselMap:
    """The space that blood fills.

    Attributes:
        distance: signed distance to the nearest wall, mm, negative inside.
        flow: of the blood nearest to each voxel, as tubes have it.
    """

    def __init__(self, view: View, band: float = BAND):
        self.view, self.band = view, band
        self.distance = np.full(view.grid.shape, band, dtype=np.float32)
        self.flow = np.zeros(view.grid.shape, dtype=np.float32)

    def add_tubes(self, tubes: Sequence[Tube]) -> None:
        """Unites the lumen with that of tubes, cone by cone of two steps each."""
        for tube in tubes:
            points = self.view.to_grid(tube.points)
            reach = tube.radii.max() + self.band
            near = ((points > -reach) & (points < self.view.grid.extent + reach)).all(axis=1)
            for i in range(0, len(points) - 1, 2):
                j = min(i + 2, len(points) - 1)
                if near[i] or near[j]:
                    self._add_cone(points[[i, j]], tube.radii[[i, j]], tube.flow[(i + j) // 2])

    def add_region(self, box: Box, distance: NDArray, flow: NDArray) -> None:
        """Joins a blob, given by its distances and flow in ``box``."""
        closer = distance < self.distance[box]
        np.copyto(self.distance[box], distance, where=closer)
        np.copyto(self.flow[box], flow, where=closer)

    def _add_cone(self, ends: NDArray, radii: NDArray, flow: float) -> None:
        reach = radii.max() + self.band
        grid = self.view.grid
        box = grid.box(ends.min(axis=0) - reach, ends.max(axis=0) + reach)
        axis = (ends[1] - ends[0]).astype(np.float32)
        offsets = [line - np.float32(origin) for line, origin in zip(grid.axes(box), ends[0])]
        along = offsets[0] * axis[0] + offsets[1] * axis[1] + offsets[2] * axis[2]
        length = axis @ axis + np.float32(1e-9)
        share = np.clip(along / length, 0, 1)
        squared = offsets[0] ** 2 + offsets[1] ** 2 + offsets[2] ** 2 + share * (share * length - 2 * along)
        distance = np.sqrt(np.maximum(squared, 0)) - np.float32(radii[0]) - share * np.float32(radii[1] - radii[0])
        self.add_region(box, distance, np.array(flow, dtype=np.float32))
