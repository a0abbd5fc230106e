"""What an image file tells of itself before its voxels are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Header:
    """The grid of an image, and what is not to be taken for a fact about it.

    Args:
        size: (D,) voxels, as the voxels are ordered once they are read: a turned picture is upright.
        affine: (D + 1, D + 1) float64, voxel centers -> RAS mm; not checked, so that it may have a spacing that is no number.
        channels: how many numbers each voxel has.
        assumed: what the file does not tell and what was taken instead, a clause each: "tells no spacing; 1 mm is assumed".
        byte_values: whether the file has one byte per number.
    """

    size: tuple[int, ...]
    affine: np.ndarray
    channels: int = 1
    assumed: tuple[str, ...] = ()
    byte_values: bool = False

    def without_flat_axes(self, dims: int) -> Header:
        """Without its last axes of size 1 that exceed ``dims``."""
        size = self.size
        while len(size) > dims and size[-1] == 1:
            size = size[:-1]
        return Header(size, cut_affine(self.affine, len(size)), self.channels, self.assumed, self.byte_values)


def make_header(
    size: Sequence[int], affine: Any, channels: int = 1, assumed: Sequence[str] = (), byte_values: bool = False
) -> Header:  # fmt: skip
    """A header from an affine of as many axes as ``size`` has, or more."""
    lengths = tuple(int(length) for length in size)
    return Header(lengths, cut_affine(affine, len(lengths)), int(channels), tuple(assumed), byte_values)


def cut_affine(affine: Any, dims: int) -> np.ndarray:
    """The part (D + 1, D + 1) of an affine that acts on the first D axes."""
    matrix = np.asarray(affine, dtype=np.float64)
    keep = [*range(dims), len(matrix) - 1]
    return matrix[np.ix_(keep, keep)]
