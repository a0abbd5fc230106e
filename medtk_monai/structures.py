"""The types that components exchange.

Boxes are (N, 2D) float32 ``(min..., max...)`` in voxels, in tensor axis order, half open: voxel i covers [i, i + 1).
Labels are int64 from 0. Shape letters: B batch, C classes, P priors, N boxes, A priors per cell, D spatial dims.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from math import prod

import torch
from torch import Tensor

NEGATIVE = -1
"""In an Assignment: the prior shows background."""
IGNORED = -2
"""In an Assignment: the prior takes no part in any loss."""
UNKNOWN_PRIOR = -1
"""In Detections: the prior is not known, as for what comes from a file of another program."""


@dataclass(frozen=True)
class PriorGrid:
    """The grid of all priors of an image, and the numbering of its cells.

    A prior's id is its index in this grid: level, then cells in tensor axis order, then the priors of a cell.

    Args:
        feature_sizes: for each level the number of cells along each axis.
        priors_per_cell: for each level how many priors a cell has (A).
    """

    feature_sizes: tuple[tuple[int, ...], ...]
    priors_per_cell: tuple[int, ...]

    @property
    def level_lengths(self) -> tuple[int, ...]:
        """Number of priors of each level."""
        return tuple(prod(size) * a for size, a in zip(self.feature_sizes, self.priors_per_cell))

    def __len__(self) -> int:
        return sum(self.level_lengths)

    def encode(self, level: int, cells: Tensor, anchors: Tensor) -> Tensor:
        """Cells (K, D) and anchors (K,) of one level -> prior ids (K,), int64."""
        index = torch.zeros_like(anchors)
        for axis, length in enumerate(self.feature_sizes[level]):
            index = index * length + cells[:, axis]
        return sum(self.level_lengths[:level]) + index * self.priors_per_cell[level] + anchors

    def decode(self, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Prior ids (K,) -> levels (K,), cells (K, D), anchors (K,).

        Raises:
            IndexError: an id lies outside the grid.
        """
        if ids.numel() and (ids.min() < 0 or ids.max() >= len(self)):
            raise IndexError(f"prior ids {ids.min().item()}..{ids.max().item()} outside a grid of {len(self)} priors")
        starts = torch.tensor((0, *self.level_lengths), device=ids.device).cumsum(0)
        levels = torch.bucketize(ids, starts[1:], right=True)
        index = ids - starts[levels]
        per_cell = torch.tensor(self.priors_per_cell, device=ids.device)[levels]
        anchors, index = index % per_cell, index // per_cell
        sizes = torch.tensor(self.feature_sizes, device=ids.device)[levels]
        cells = torch.zeros_like(sizes)
        for axis in reversed(range(sizes.shape[1])):
            cells[:, axis] = index % sizes[:, axis]
            index = index // sizes[:, axis]
        return levels, cells, anchors


@dataclass(frozen=True)
class Priors:
    """Anchors and points of one image or window: a point is a prior with the size of its stride.

    Args:
        boxes: (P, 2D) float32, voxels; the center of a point is the center of its box.
        strides: (P, D) float32, voxels per cell of the prior's level along each axis.
        levels: (P,) int64.
        ids: (P,) int64, index in the whole image's PriorGrid.
        points: (P,) bool, which priors are points.
        grid: the grid whose priors these are, all of them and in its order; None for a selection.
    """

    boxes: Tensor
    strides: Tensor
    levels: Tensor
    ids: Tensor
    points: Tensor
    grid: PriorGrid | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    @cached_property
    def centers(self) -> Tensor:
        """(P, D), voxels."""
        lower, upper = self.boxes.chunk(2, dim=-1)
        return (lower + upper) / 2

    def __getitem__(self, index: Tensor | slice) -> Priors:
        return Priors(self.boxes[index], self.strides[index], self.levels[index], self.ids[index], self.points[index])


@dataclass(frozen=True)
class DenseOutput:
    """What a detection network returns, in training and in evaluation alike.

    Args:
        logits: one (B, A * C, *cells) map per level; channel a * C + c is class c of prior a.
        deltas: one (B, A * 2D, *cells) map per level; channel a * 2D + k is delta k of prior a.
        num_classes: C.
        quality: one (B, A, *cells) map of logits per level, how well each prior's box fits; None without such a branch.
        segmentation: (B, C + 1, *cells) logits of background and classes on the finest level; None without such a branch.
        image_size: voxels of the images along each axis; None where it is not known.
    """

    logits: tuple[Tensor, ...]
    deltas: tuple[Tensor, ...]
    num_classes: int
    quality: tuple[Tensor, ...] | None = None
    segmentation: Tensor | None = None
    image_size: tuple[int, ...] | None = None

    @property
    def feature_sizes(self) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(level.shape[2:]) for level in self.logits)

    def flatten(self) -> tuple[Tensor, Tensor]:
        """float32 logits (B, P, C) and deltas (B, P, 2D) in the order of prior ids."""
        num_deltas = 2 * (self.logits[0].ndim - 2)
        return _flatten_maps(self.logits, self.num_classes), _flatten_maps(self.deltas, num_deltas)

    def flat_quality(self) -> Tensor | None:
        """float32 logits (B, P) of the quality branch in the order of prior ids; None without one."""
        return None if self.quality is None else _flatten_maps(self.quality, 1)[..., 0]


def _flatten_maps(maps: Sequence[Tensor], channels: int) -> Tensor:
    """(B, A * channels, *cells) maps -> (B, P, channels): cells in tensor axis order, then the priors of a cell."""
    flat = [level.flatten(2).transpose(1, 2).reshape(len(level), -1, channels) for level in maps]
    return torch.cat(flat, dim=1).float()


_OF_EACH_OBJECT = ("boxes", "labels", "ignored", "in_region", "region_numbers")
"""Parts of a Target with one row for each object."""


@dataclass(frozen=True)
class Target:
    """The objects of one image or patch.

    Args:
        boxes: (N, 2D) float32, voxels.
        labels: (N,) int64 from 0.
        ignored: (N,) bool; such an object is neither to be found nor background (truncated, outside the size range).
        cut: (2D,) bool, lower and then upper faces at which a patch was cut from a larger image; None for none.
        mask: (*spatial) uint8, the class of each voxel from 1, 0 for background; None where it is unknown.
        ignored_region: (*spatial) whole numbers, above 0 in the voxels that ignored objects cover; None where no object of the image is ignored.
        in_region: (N,) bool, ignored objects of which ``ignored_region`` tells what they cover, in place of their boxes; None for none.
        region_numbers: (N,) int64, the value of ``ignored_region`` in the mask of each ignored object, 0 for others; None without masks.
    """

    boxes: Tensor
    labels: Tensor
    ignored: Tensor
    cut: Tensor | None = None
    mask: Tensor | None = None
    ignored_region: Tensor | None = None
    in_region: Tensor | None = None
    region_numbers: Tensor | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, index: Tensor) -> Target:
        chosen = {name: part[index] for name in _OF_EACH_OBJECT if (part := getattr(self, name)) is not None}
        return replace(self, **chosen)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Target:
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        return Target(**{name: part.to(device, non_blocking=non_blocking) for name, part in parts.items() if part is not None})


@dataclass(frozen=True)
class Assignment:
    """Which object each prior has to learn.

    Args:
        objects: (P,) int64, index of the object in the Target, or NEGATIVE, or IGNORED.
    """

    objects: Tensor

    @property
    def positive(self) -> Tensor:
        return self.objects >= 0

    @property
    def negative(self) -> Tensor:
        return self.objects == NEGATIVE


@dataclass(frozen=True)
class Prediction:
    """What a network says at the priors of one image, for assigners that look at it.

    Args:
        logits: (P, C).
        boxes: (P, 2D) decoded, voxels.
    """

    logits: Tensor
    boxes: Tensor


@dataclass(frozen=True)
class Detections:
    """What was found in one image, best first.

    Args:
        boxes: (N, 2D) float32, voxels.
        scores: (N,) float32 in [0, 1]; float64 where some are so near 1 that float32 cannot tell them apart (``scores.SATURATED``).
        labels: (N,) int64 from 0.
        prior_ids: (N,) int64, index in the whole image's PriorGrid, or UNKNOWN_PRIOR.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    prior_ids: Tensor

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, index: Tensor | slice) -> Detections:
        return Detections(*(getattr(self, f.name)[index] for f in fields(self)))

    def to(self, device: torch.device | str) -> Detections:
        return Detections(*(getattr(self, f.name).to(device) for f in fields(self)))

    @staticmethod
    def cat(parts: Sequence[Detections]) -> Detections:
        return Detections(*(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Detections)))


@dataclass(frozen=True)
class TwoStageOutput:
    """What a two-stage network returns, in training and in evaluation alike.

    Args:
        dense: output of the first stage.
        proposals: its detections in each image, without gradient, in voxels of the image and with the ids of its priors.
        logits: (R, C) of all proposals, image by image.
        deltas: (R, 2D).
    """

    dense: DenseOutput
    proposals: list[Detections]
    logits: Tensor
    deltas: Tensor


@dataclass(frozen=True)
class Window:
    """A part of an image that a network sees at once.

    Args:
        origin: voxel of the image at the window's first corner; negative where a reflected margin sticks out.
        core_min: first voxel of the part whose priors belong to this window.
        core_max: end of that part (half open).
        image_size: size of the whole image, voxels.
    """

    origin: tuple[int, ...]
    core_min: tuple[int, ...]
    core_max: tuple[int, ...]
    image_size: tuple[int, ...]

    @staticmethod
    def whole(image_size: Sequence[int]) -> Window:
        """The window that shows an image of ``image_size`` voxels as it is."""
        size, start = tuple(image_size), (0,) * len(image_size)
        return Window(start, start, size, size)
