from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from medtk_monai.anchors.layout import PerAxis, lay_out_priors
from medtk_monai.structures import Priors


@dataclass(frozen=True)
class AnchorGenerator:
    """Boxes of fixed sizes at every cell (Ren et al., Faster R-CNN, 2015). Sizes are never rounded.

    Args:
        strides: voxels per cell of each level, one value or one per axis.
        sizes: for each level the side lengths of its anchors in voxels, each one value or one per axis.

    Raises:
        ValueError: not one list of sizes per stride, or a size that is not positive.
    """

    strides: Sequence[PerAxis]
    sizes: Sequence[Sequence[PerAxis]]

    def __post_init__(self) -> None:
        if len(self.sizes) != len(self.strides):
            raise ValueError(f"{len(self.sizes)} lists of anchor sizes for {len(self.strides)} strides: give one per level")
        flat = [v for level in self.sizes for size in level for v in (size if isinstance(size, Sequence) else [size])]
        if min(flat, default=0) <= 0:
            raise ValueError(f"anchor sizes {self.sizes} must be positive and each level needs at least one")

    @property
    def priors_per_cell(self) -> tuple[int, ...]:
        return tuple(len(level) for level in self.sizes)

    def __call__(self, feature_sizes: Sequence[Sequence[int]], device: torch.device | str = "cpu") -> Priors:
        """Cells per level and axis -> Priors, float32 whatever autocast says."""
        points = [[False] * len(level) for level in self.sizes]
        return lay_out_priors(feature_sizes, self.strides, self.sizes, points, device)
