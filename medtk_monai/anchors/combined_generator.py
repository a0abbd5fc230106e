from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from medtk_monai.anchors.anchor_generator import AnchorGenerator
from medtk_monai.anchors.layout import PerAxis, lay_out_priors
from medtk_monai.structures import Priors


@dataclass(frozen=True)
class CombinedGenerator:
    """The anchors of every cell, and then its point.

    Args:
        anchors: lays the anchors.
    """

    anchors: AnchorGenerator

    @property
    def strides(self) -> Sequence[PerAxis]:
        return self.anchors.strides

    @property
    def priors_per_cell(self) -> tuple[int, ...]:
        return tuple(count + 1 for count in self.anchors.priors_per_cell)

    def __call__(self, feature_sizes: Sequence[Sequence[int]], device: torch.device | str = "cpu") -> Priors:
        """Cells per level and axis -> Priors, float32 whatever autocast says."""
        sizes = [[*level, stride] for level, stride in zip(self.anchors.shapes(len(feature_sizes[0])), self.strides)]
        points = [[False] * count + [True] for count in self.anchors.priors_per_cell]
        return lay_out_priors(feature_sizes, self.strides, sizes, points, device)
