"""Spacing, strides, levels and patches, from the sizes of images and objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medtk_monai.planning.facts import DataFacts

ENOUGH_VOXELS = 16.0
"""Along a side of the smallest objects: finer voxels tell little more, and cost time."""
_LARGEST_FACTOR = 4.0
_ANISOTROPIC = 3.0
_SAME = 0.2
"""Share by which spacings may differ from the planned one: objects vary more than that in size, and resampling blurs the small ones."""
_MAX_LEVELS = 4
_LEAST_STAGES, _MOST_STAGES = 3, 6
_LEAST_PATCH = 24
_CONTEXT = {2: 2.0, 3: 1.7}
"""Sides of a patch by those of large objects: context costs its third power in 3D."""
_LEAST_CONTEXT = 1.25


@dataclass(frozen=True)
class Grid:
    """The grid that images are brought to.

    Args:
        spacing: (D,) mm.
        resample: whether any image has another one.
        factor: by which it is coarser than the images' own.
    """

    spacing: tuple[float, ...]
    resample: bool
    factor: float


def choose_grid(facts: DataFacts) -> Grid:
    """The median spacing, or the tenth percentile along an axis that is much coarser than the others (Isensee et al., nnU-Net, Nature
    Methods 2021); coarser, by one factor along all axes, where even the smallest objects have more voxels than they need."""
    spacing = np.median(facts.spacing, axis=0)
    coarse = spacing > _ANISOTROPIC * spacing.min()
    spacing = np.where(coarse, np.percentile(facts.spacing, 10, axis=0), spacing)
    smallest = (facts.class_percentiles(10, facts.sides_mm) / spacing).min()
    factor = float(np.clip(np.floor(smallest / ENOUGH_VOXELS * 2) / 2, 1.0, _LARGEST_FACTOR))
    spacing = spacing * factor
    differs = np.abs(facts.spacing / spacing - 1).max() > _SAME
    return Grid(tuple(float(f"{value:.4g}") for value in spacing), bool(differs), factor)


@dataclass(frozen=True)
class Levels:
    """Stages of the backbone, and which of them objects are found at.

    Args:
        steps: stride of each stage's first block, per axis.
        strides: voxels per cell of each stage, per axis.
        chosen: indices of the stages that become levels.
    """

    steps: tuple[tuple[int, ...], ...]
    strides: tuple[tuple[int, ...], ...]
    chosen: tuple[int, ...]

    @property
    def level_strides(self) -> list[tuple[int, ...]]:
        return [self.strides[index] for index in self.chosen]

    @property
    def coarsest(self) -> tuple[int, ...]:
        return self.strides[-1]


def choose_levels(facts: DataFacts, grid: Grid, span: tuple[int, int] | None = None) -> Levels:
    """Stages until an axis of a cell is a quarter of the largest objects' sides, and at least three; levels from the last one of which
    two cells fit along each side of the smallest objects.

    An axis is not halved while its cells are twice as long, in mm, as those along the finest one.

    Args:
        span: indices of the first and the last stage that become levels; None to choose them.
    """
    sides = facts.sides_mm / grid.spacing
    small = facts.class_percentiles(10, sides).min(axis=0)
    large = facts.class_percentiles(95, np.exp(np.log(sides).mean(axis=1))).max()
    steps, strides = _stages(np.array(grid.spacing))
    reach = [np.exp(np.log(stride).mean()) >= large / 4 for stride in strides]
    last = reach.index(True) if True in reach else len(strides) - 1
    fine = [index for index, stride in enumerate(strides) if _is_fine(np.array(stride), small)]
    first, last = (min(max(fine, default=0), last), last) if span is None else span
    count = max(last + 1, _LEAST_STAGES)
    return Levels(tuple(steps[:count]), tuple(strides[:count]), tuple(range(first, last + 1))[:_MAX_LEVELS])


def _is_fine(stride: np.ndarray, small: np.ndarray) -> bool:
    """Whether two cells fit along each side of the smallest objects."""
    return bool((stride <= np.maximum(small / 2, 1)).all())


def _stages(spacing: np.ndarray) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """The steps and the strides of as many stages as there may be."""
    steps, strides, current = [], [], np.ones(len(spacing), dtype=int)
    for _ in range(_MOST_STAGES):
        cell = current * spacing
        step = np.where(cell < 2 * cell.min() - 1e-6, 2, 1)
        current = current * step
        steps.append(tuple(int(s) for s in step))
        strides.append(tuple(int(s) for s in current))
    return steps, strides


def choose_patch(facts: DataFacts, grid: Grid, levels: Levels) -> tuple[int, ...]:
    """Twice the sides of the largest objects, 1.7 times in 3D, in whole cells of the coarsest stage; the whole image along axes of which
    that is most.

    Where cells are about as long along all axes, so is the patch, so that its axes may be exchanged.
    """
    sides = np.percentile(facts.sides_mm / grid.spacing, 95, axis=0)
    sides = np.maximum(sides, facts.class_percentiles(95, facts.sides_mm / grid.spacing).max(axis=0))
    image = np.median(facts.size * facts.spacing / grid.spacing, axis=0)
    wanted = np.maximum(_CONTEXT[facts.dims] * sides, _LEAST_PATCH)
    whole = wanted > 0.7 * image
    wanted = np.where(whole, np.maximum(image, sides), wanted)
    if max(levels.coarsest) == min(levels.coarsest) and max(grid.spacing) < 1.5 * min(grid.spacing):
        middle = np.exp(np.log(wanted).mean())
        enough = max(2 * sides.max(), image.min())
        wanted = np.full(facts.dims, min((middle + wanted.max()) / 2, enough) if whole.all() else middle)
    cells = wanted / levels.coarsest
    cells = np.where(whole, np.ceil(cells - 1e-6), np.maximum(np.round(cells), np.ceil(_LEAST_CONTEXT * sides / levels.coarsest)))
    return tuple(int(count) * stride for count, stride in zip(cells, levels.coarsest))


def free_axes(facts: DataFacts) -> tuple[int, ...]:
    """The axes along which mirror images are as good as the original: where the classes do not lie one behind the other.

    Classes do so if of a random pair of objects of two classes the order along the axis is the same in more than four of five cases.
    """
    classes = np.unique(facts.labels)
    free = []
    for axis in range(facts.dims):
        along = [facts.centers[facts.labels == label, axis] for label in classes]
        shares = [(a[:, None] < b[None]).mean() for i, a in enumerate(along) for b in along[i + 1 :]]
        if all(0.2 <= share <= 0.8 for share in shares):
            free.append(axis)
    return tuple(free)
