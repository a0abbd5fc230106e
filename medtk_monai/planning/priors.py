"""Anchors that fit the objects, and whether anchors suit them at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.cluster.vq import kmeans2

from medtk_monai.planning.facts import DataFacts

_CELLS_PER_OBJECT = 3.0
_MAX_ANCHORS = 3
_GAIN = 0.03
_OUTLYING = 1.5
"""Times as far from the median as all but one in a hundred objects: likely mistakes, which are not fitted."""
_ALIKE = 1.6
_FEW = 30


def suits_anchors(facts: DataFacts) -> bool:
    """Whether the objects of each class are of one size: the longest sides of nine in ten within a factor of 1.6."""
    longest = facts.sides_mm.max(axis=1)
    low, high = facts.class_percentiles(5, longest), facts.class_percentiles(95, longest)
    return len(longest) >= _FEW and bool((high <= _ALIKE * low).all())


def fit_anchors(sides: np.ndarray, strides: Sequence[Sequence[int]], seed: int = 0) -> list[list[list[float]]]:
    """For each level one to three anchors, as many for all, side lengths in voxels, that fit the objects nearest to its cells (k-means
    of log sides, as in Redmon and Farhadi, YOLO9000, CVPR 2017); more where the mean of the best IoU then rises by 0.03.

    Args:
        sides: (M, D) of the objects, voxels.
        strides: per axis, of each level.
    """
    scale = np.log(sides).mean(axis=1)
    usual = np.abs(scale - np.median(scale)) <= _OUTLYING * np.abs(np.percentile(scale, [1, 99]) - np.median(scale)).max() + 1e-6
    sides, scale = sides[usual], scale[usual]
    centers = np.array([np.log(np.array(stride, dtype=float) * _CELLS_PER_OBJECT).mean() for stride in strides])
    nearest = np.abs(scale[:, None] - centers[None]).argmin(axis=1)
    best, best_iou = [], 0.0
    for count in range(1, _MAX_ANCHORS + 1):
        found = [_fit_level(sides[nearest == index], stride, count, seed) for index, stride in enumerate(strides)]
        iou = mean_best_iou(sides, np.concatenate(found))
        if iou < best_iou + _GAIN:
            break
        best, best_iou = found, iou
    return [[[float(f"{side:.3g}") for side in row] for row in level[np.argsort(level.prod(axis=1))]] for level in best]


def _fit_level(sides: np.ndarray, stride: Sequence[int], count: int, seed: int) -> np.ndarray:
    """(count, D) side lengths; a cube of about three cells, and some larger, where there are too few objects to fit."""
    if len(sides) < max(10 * count, 2) and (count > 1 or not len(sides)):
        middle = np.exp(np.median(np.log(sides), axis=0)) if len(sides) else np.array(stride) * _CELLS_PER_OBJECT
        return middle * 2.0 ** ((np.arange(count)[:, None] - (count - 1) / 2) / count)
    if count == 1:
        return np.exp(np.median(np.log(sides), axis=0))[None]
    distinct = np.unique(np.log(sides), axis=0)
    if len(distinct) <= count:
        return np.exp(distinct[np.arange(count) % len(distinct)])
    found, _ = kmeans2(np.log(sides), count, minit="++", rng=np.random.default_rng(seed))
    return np.exp(found)


def mean_best_iou(sides: np.ndarray, anchors: np.ndarray) -> float:
    """Of each object, sides (M, D), with the best of some anchors (A, D) at its center; the mean."""
    shared = np.minimum(sides[:, None], anchors[None]).prod(axis=2)
    union = sides.prod(axis=1)[:, None] + anchors.prod(axis=1)[None] - shared
    return float((shared / union).max(axis=1).mean())
