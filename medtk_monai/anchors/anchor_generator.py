from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch

from medtk_monai.anchors.layout import PerAxis, lay_out_priors, per_axis
from medtk_monai.errors import DataError
from medtk_monai.structures import Priors


@dataclass(frozen=True)
class AnchorGenerator:
    """Boxes of fixed sizes at every cell (Ren et al., Faster R-CNN, 2015). Sizes are never rounded.

    Args:
        strides: voxels per cell of each level, one value or one per axis.
        sizes: for each level the side lengths of its anchors in voxels, each one value or one per axis.
        ratios: shapes that each size is given, one factor per axis; their scale does not matter, since volumes stay.

    Raises:
        DataError: not one list of sizes per stride, or a size or ratio that is not positive.
    """

    strides: Sequence[PerAxis]
    sizes: Sequence[Sequence[PerAxis]]
    ratios: Sequence[PerAxis] = (1,)

    def __post_init__(self) -> None:
        if len(self.sizes) != len(self.strides):
            raise DataError(f"{len(self.sizes)} lists of anchor sizes for {len(self.strides)} levels", remedy="give one per level")
        if not all(self.sizes) or not self.ratios or min(_values([*self.ratios, *(size for level in self.sizes for size in level)])) <= 0:
            what = f"anchor sizes {self.sizes} and ratios {self.ratios}"
            raise DataError(what, remedy="both must be positive, with at least one ratio, and one size per level")

    @property
    def priors_per_cell(self) -> tuple[int, ...]:
        return tuple(len(level) * len(self.ratios) for level in self.sizes)

    def shapes(self, spatial_dims: int) -> list[list[tuple[float, ...]]]:
        """For each level the side lengths along each axis of the anchors of a cell, in the order of their ids."""
        return [[_shaped(size, ratio, spatial_dims) for size in level for ratio in self.ratios] for level in self.sizes]

    def __call__(self, feature_sizes: Sequence[Sequence[int]], device: torch.device | str = "cpu") -> Priors:
        """Cells per level and axis -> Priors, float32 whatever autocast says."""
        points = [[False] * count for count in self.priors_per_cell]
        return lay_out_priors(feature_sizes, self.strides, self.shapes(len(feature_sizes[0])), points, device)


def _values(settings: Sequence[PerAxis]) -> list[float]:
    return [value for setting in settings for value in (setting if isinstance(setting, Sequence) else [setting])]


def _shaped(size: PerAxis, ratio: PerAxis, dims: int) -> tuple[float, ...]:
    """A box with the volume of ``size``, stretched by ``ratio``."""
    factors = per_axis(ratio, dims)
    scale = prod(factors) ** (1 / dims)
    return tuple(side * factor / scale for side, factor in zip(per_axis(size, dims), factors))
