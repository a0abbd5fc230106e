"""Flips and transpositions: exact for image and boxes alike, without interpolation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from monai.transforms import Randomizable, Transform
from torch import Tensor

from medtk_monai.structures import Target


class RandFlipBoxesd(Randomizable, Transform):
    """Flip ``image``, a plain tensor (C, *spatial), its ``target``, and ``affine`` if there is one; each axis by itself.

    Args:
        prob: probability for each axis, in [0, 1].
        axes: spatial axes that may be flipped, counted from 0.
    """

    def __init__(self, prob: float = 0.5, axes: Sequence[int] = (0, 1, 2)):
        self.prob = _check_probability(prob)
        self.axes = tuple(axes)

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        axes = [axis for axis, draw in zip(self.axes, self.R.random_sample(len(self.axes))) if draw < self.prob]
        return flip_axes(data, axes) if axes else dict(data)


class RandSwapAxesBoxesd(Randomizable, Transform):
    """Transpose two spatial axes of ``image``, a plain tensor (C, *spatial), its ``target``, and ``affine`` if there is one.

    Args:
        prob: in [0, 1].
        axes: two spatial axes of equal size, counted from 0.

    Raises:
        ValueError: the axes have different sizes, so that patches would differ in shape.
    """

    def __init__(self, prob: float = 0.5, axes: Sequence[int] = (0, 1)):
        self.prob = _check_probability(prob)
        self.first, self.second = axes

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        sizes = data["image"].shape[1:]
        if sizes[self.first] != sizes[self.second]:
            raise ValueError(f"axes {self.first} and {self.second} of an image {tuple(sizes)} differ in size: swap others, or crop first")
        return swap_axes(data, self.first, self.second) if self.R.random_sample() < self.prob else dict(data)


def flip_axes(data: Mapping[str, Any], axes: Sequence[int]) -> dict[str, Any]:
    """A copy of ``image``, ``target`` and ``affine``, flipped along spatial axes counted from 0."""
    image, target = data["image"], data["target"]
    dims = image.ndim - 1
    matrix = torch.eye(dims + 1, dtype=torch.float64)
    boxes, faces = target.boxes.clone(), torch.arange(2 * dims)
    for axis in axes:
        size = image.shape[axis + 1]
        matrix[axis, axis], matrix[axis, dims] = -1, size - 1
        boxes[:, [axis, axis + dims]] = size - target.boxes[:, [axis + dims, axis]]
        faces[[axis, axis + dims]] = faces[[axis + dims, axis]]
    mask = None if target.mask is None else target.mask.flip(list(axes))
    return _replaced(data, image.flip([axis + 1 for axis in axes]), replace(target, boxes=boxes, mask=mask), faces, matrix)


def swap_axes(data: Mapping[str, Any], first: int, second: int) -> dict[str, Any]:
    """A copy of ``image``, ``target`` and ``affine``, with two spatial axes exchanged, counted from 0."""
    image, target = data["image"], data["target"]
    dims = image.ndim - 1
    order = list(range(dims))
    order[first], order[second] = second, first
    matrix = torch.eye(dims + 1, dtype=torch.float64)[[*order, dims]]
    faces = torch.tensor(order + [axis + dims for axis in order])
    turned = image.transpose(first + 1, second + 1).clone(memory_format=torch.contiguous_format)
    mask = None if target.mask is None else target.mask.transpose(first, second)
    return _replaced(data, turned, replace(target, boxes=target.boxes[:, faces], mask=mask), faces, matrix)


def _replaced(data: Mapping[str, Any], image: Tensor, target: Target, faces: Tensor, matrix: Tensor) -> dict[str, Any]:
    """A copy with new image and target; ``faces`` tells which face each new one was, ``matrix`` maps new voxels to old ones."""
    moved = {"affine": data["affine"] @ matrix} if "affine" in data else {}
    cut = None if target.cut is None else target.cut[faces]
    return dict(data) | {"image": image, "target": replace(target, cut=cut)} | moved


def _check_probability(prob: float) -> float:
    if not 0 <= prob <= 1:
        raise ValueError(f"prob {prob} lies outside [0, 1]")
    return prob
