from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from medtk_monai.anchors.layout import PerAxis, lay_out_priors
from medtk_monai.structures import Priors


@dataclass(frozen=True)
class PointGenerator:
    """One point at the center of every cell (Tian et al., FCOS, ICCV 2019): a prior with the size of its stride.

    Args:
        strides: voxels per cell of each level, one value or one per axis.
    """

    strides: Sequence[PerAxis]

    @property
    def priors_per_cell(self) -> tuple[int, ...]:
        return (1,) * len(self.strides)

    def __call__(self, feature_sizes: Sequence[Sequence[int]], device: torch.device | str = "cpu") -> Priors:
        """Cells per level and axis -> Priors, float32 whatever autocast says."""
        sizes = [[stride] for stride in self.strides]
        return lay_out_priors(feature_sizes, self.strides, sizes, [[True]] * len(sizes), device)
