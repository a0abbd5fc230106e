"""A scan that objects are put into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import pi
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter

_EMPTY_SHARE = 0.3
"""Of voxels with one value, the lowest, from which on a scan counts as one whose background was removed."""


_TISSUE_SHARE = 0.2
"""Of the height of bright tissue above the darkest voxels, from which on there is a patient."""


@dataclass(frozen=True)
class Insert:
    """What becomes of a part of a scan.

    Args:
        where: first voxel of the part, per axis.
        values: of the part, float32.
        mask: bool, same shape: the voxels of the object.
        facts: what the object is like, as JSON knows it.
    """

    where: tuple[int, ...]
    values: NDArray[np.float32]
    mask: NDArray[np.bool_]
    facts: Mapping[str, Any]

    @property
    def part(self) -> tuple[slice, ...]:
        """Its slices of the scan."""
        return tuple(slice(start, start + length) for start, length in zip(self.where, self.values.shape))


@dataclass
class Scene:
    """A scan, and the objects in it.

    Args:
        image: (*spatial) float32.
        spacing: (D,) mm.
        label_map: (*spatial) int32, the objects in it, numbered from 1.
    """

    image: NDArray[np.float32]
    spacing: NDArray[np.float64]
    label_map: NDArray[np.int32]
    facts: list[Mapping[str, Any]] = field(default_factory=list)
    """Of the objects that were put in, in the order of their numbers."""

    @cached_property
    def lowest(self) -> float:
        """The value of the air, or of a background that was removed."""
        return float(self.image.min())

    @cached_property
    def is_cut_out(self) -> bool:
        """Whether the background was set to one value, as published scans have it."""
        return float((self.image == self.lowest).mean()) > _EMPTY_SHARE

    @cached_property
    def foreground(self) -> NDArray[np.bool_]:
        """Where the patient is: all that lies clearly above the air."""
        if self.is_cut_out:
            return self.image > self.lowest
        sample = self.image.ravel()[:: max(self.image.size // 1_000_003, 1)]
        low, bright = np.percentile(sample, 1), np.median(sample[sample >= sample.mean()])
        return gaussian_filter(self.image, 1.0) > low + _TISSUE_SHARE * (bright - low)

    def is_free(self, insert: Insert, gap_mm: float) -> bool:
        """Whether its object keeps a distance from all others."""
        reach = np.maximum(np.ceil(gap_mm / self.spacing), 1).astype(int)
        start = np.maximum(np.array(insert.where) - reach, 0)
        stop = np.minimum(np.array(insert.where) + insert.mask.shape + reach, self.image.shape)
        near = self.label_map[tuple(map(slice, start, stop))] > 0
        if not near.any():
            return True
        wide = np.zeros(near.shape, bool)
        inner = tuple(slice(int(a), int(a) + length) for a, length in zip(np.array(insert.where) - start, insert.mask.shape))
        wide[inner] = insert.mask
        return not (binary_dilation(wide, np.ones(2 * reach + 1, bool)) & near).any()

    def put(self, insert: Insert) -> None:
        """Write an object into image and label map."""
        self.image[insert.part] = insert.values
        self.label_map[insert.part][insert.mask] = int(self.label_map.max()) + 1
        self.facts.append(insert.facts)


def part_around(center: NDArray, reach_mm: float, spacing: NDArray, shape: Sequence[int]) -> tuple[slice, ...] | None:
    """The slices that hold a ball of radius ``reach_mm`` around a voxel; None where it leaves the scan."""
    half = np.ceil(reach_mm / spacing).astype(int)
    start, stop = np.round(center).astype(int) - half, np.round(center).astype(int) + half + 1
    if (start < 0).any() or (stop > shape).any():
        return None
    return tuple(map(slice, start.tolist(), stop.tolist()))


def places_mm(part: Sequence[slice], spacing: NDArray, finer: int = 1) -> list[NDArray[np.float64]]:
    """The places of a part's voxels along each axis, mm, broadcastable; each voxel divided into ``finer`` along each axis."""
    axes = []
    for axis, (piece, step) in enumerate(zip(part, spacing)):
        inside = (np.arange(finer) + 0.5) / finer - 0.5
        line = ((np.arange(piece.start, piece.stop)[:, None] + inside) * step).ravel()
        axes.append(line.reshape([-1 if other == axis else 1 for other in range(len(part))]))
    return axes


def log_uniform(random: Generator, ends: tuple[float, float]) -> float:
    """A number between two, uniform in its logarithm."""
    return float(np.exp(random.uniform(*np.log(ends))))


def diameter_mm(mask: NDArray[np.bool_], spacing: NDArray) -> float:
    """Of the ball, or in 2D the disk, that is as large as a mask."""
    size = float(mask.sum()) * float(spacing.prod())
    return 2 * (size * 3 / (4 * pi)) ** (1 / 3) if mask.ndim == 3 else 2 * (size / pi) ** 0.5


def averaged(fine: NDArray, finer: int) -> NDArray[np.float32]:
    """Means over blocks of ``finer`` along each axis."""
    shape = [count for length in fine.shape for count in (length // finer, finer)]
    return fine.reshape(shape).mean(axis=tuple(range(1, 2 * fine.ndim, 2)), dtype=np.float32)
