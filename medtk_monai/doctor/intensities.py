"""Intensities of an image: as a whole, in its objects, and elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medtk_monai.transforms.sampling import evenly_sampled

QUANTILES = (0, 5, 25, 50, 75, 95, 100)
"""Percentiles that are told of a distribution."""


@dataclass(frozen=True)
class Intensities:
    """Intensities of the first channel.

    Args:
        unit: "HU", "8-bit", "unit interval", "standardized" or "arbitrary", guessed from the values.
        foreground: share of the voxels that do not have the value of the background, in [0, 1]; the background is 0 or the lowest value,
            whichever is more frequent.
        foreground_box: (2D,) voxels, of the foreground.
        whole: percentiles ``QUANTILES`` of the foreground.
        inside: the same within the boxes of the objects; None without any.
        outside: the same of the foreground outside of them; None if there is none.
        means: (N,) mean in each box; NaN for one that holds no voxel.
    """

    unit: str
    foreground: float
    foreground_box: tuple[int, ...]
    whole: tuple[float, ...] | None
    inside: tuple[float, ...] | None
    outside: tuple[float, ...] | None
    means: tuple[float, ...]


def measure_intensities(values: np.ndarray, boxes: np.ndarray, stored_as_bytes: bool = False) -> Intensities:
    """Intensities of an image.

    Args:
        values: (*spatial), finite.
        boxes: (N, 2D), voxels.
        stored_as_bytes: whether the file has one byte per value.
    """
    lowest = values.min()
    background = 0.0 if np.count_nonzero(values == 0) >= np.count_nonzero(values == lowest) else lowest
    foreground = values != background
    crops = [_slices(box, values.shape) for box in boxes]
    objects = np.zeros(values.shape, dtype=bool)
    for crop in crops:
        objects[crop] = True
    parts = [values[crop] for crop in crops]
    return Intensities(
        guess_unit(_sample(values), stored_as_bytes),
        float(foreground.mean()),
        _hull(foreground),
        _percentiles(values[foreground]),
        _percentiles(values[objects]) if crops else None,
        _percentiles(values[foreground & ~objects]),
        tuple(float(part.mean(dtype=np.float64)) if part.size else float("nan") for part in parts),
    )


def guess_unit(values: np.ndarray, stored_as_bytes: bool = False) -> str:
    """The unit of intensities (K,) by their range: CT's HU reach far below 0, 8-bit images are stored as such or reach 255 exactly."""
    lowest, low, high, highest = np.percentile(values, (0, 1, 99, 100))
    whole = bool((values == np.round(values)).all())
    if whole and lowest >= 0 and highest <= 255 and (stored_as_bytes or highest == 255):
        return "8-bit"
    if lowest >= 0 and highest <= 1:
        return "unit interval"
    if lowest >= -3100 and low <= -200 and highest < 33000:
        return "HU"
    if lowest < 0 and abs(float(values.mean())) < 1 and high < 20 and low > -20:
        return "standardized"
    return "arbitrary"


def _slices(box: np.ndarray, size: tuple[int, ...]) -> tuple[slice, ...]:
    """The voxels that a box (2D,) covers at least in part."""
    dims = len(size)
    lower = np.clip(np.floor(box[:dims] + 1e-3), 0, size).astype(int)
    upper = np.clip(np.ceil(box[dims:] - 1e-3), lower, size).astype(int)
    return tuple(slice(a, b) for a, b in zip(lower.tolist(), upper.tolist()))


def _sample(values: np.ndarray) -> np.ndarray:
    """Values (K,) that stand for all, with the lowest and the highest."""
    chosen = evenly_sampled(values)
    return chosen if chosen.size == values.size else np.append(chosen, [values.min(), values.max()])


def _percentiles(values: np.ndarray) -> tuple[float, ...] | None:
    return tuple(float(f"{value:.6g}") for value in np.percentile(_sample(values), QUANTILES)) if len(values) else None


def _hull(mask: np.ndarray) -> tuple[int, ...]:
    """(2D,) box of a mask; all 0 for an empty one."""
    axes = range(mask.ndim)
    lines = [np.flatnonzero(mask.any(axis=tuple(other for other in axes if other != axis))) for axis in axes]
    if not len(lines[0]):
        return (0,) * (2 * mask.ndim)
    return tuple(int(line[0]) for line in lines) + tuple(int(line[-1]) + 1 for line in lines)
