from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from medtk_monai.anchors.layout import PerAxis, per_axis
from medtk_monai.box_ops import box_centers, box_sizes, boxes_from_centers
from medtk_monai.roi_align import roi_align


@dataclass(frozen=True)
class RoIExtractor:
    """Pools the features of boxes, each from the pyramid level of its size (Lin et al., Feature Pyramid Networks, CVPR 2017).

    Args:
        strides: voxels per cell of each level, one value or one per axis.
        output_size: bins along each axis.
        level_size: a box belongs to the level whose stride times this is nearest its side length (geometric means, logarithmic scale).
        context: the box enlarged by this factor is pooled as well and its features are appended; 1 for none.
        samples: points per bin along each axis.

    Raises:
        ValueError: an argument out of range.
    """

    strides: Sequence[PerAxis]
    output_size: int = 5
    level_size: float = 3.0
    context: float = 1.0
    samples: int = 2

    def __post_init__(self) -> None:
        if self.output_size < 1 or self.samples < 1 or self.level_size <= 0 or self.context < 1:
            raise ValueError(f"{self}: sizes and samples must be at least 1, level_size positive, and context at least 1")

    def channels(self, in_channels: int) -> int:
        """Channels of what is pooled from maps of ``in_channels``."""
        return in_channels * (1 if self.context == 1 else 2)

    def __call__(self, maps: Sequence[Tensor], boxes: Sequence[Tensor]) -> Tensor:
        """One (B, C, *cells) map per level and for each image boxes (N_b, 2D), voxels -> (sum of N_b, channels, *bins)."""
        features = self._pool(maps, boxes, boxes)
        if self.context == 1:
            return features
        wide = [boxes_from_centers(box_centers(found), box_sizes(found) * self.context) for found in boxes]
        return torch.cat([features, self._pool(maps, wide, boxes)], dim=1)

    def _pool(self, maps: Sequence[Tensor], boxes: Sequence[Tensor], sized: Sequence[Tensor]) -> Tensor:
        dims = maps[0].ndim - 2
        steps = [per_axis(stride, dims) for stride in self.strides]
        offered = (torch.tensor(steps, device=maps[0].device) * self.level_size).log().mean(dim=1)
        levels = [(box_sizes(b).clamp(min=1e-3).log().mean(dim=1)[:, None] - offered).abs().argmin(dim=1) for b in sized]
        bins = [self.output_size] * dims
        everywhere = torch.cat(levels)
        pooled = maps[0].new_zeros(len(everywhere), maps[0].shape[1], *bins)
        for level, (level_map, step) in enumerate(zip(maps, steps)):
            chosen = [found[own == level] for found, own in zip(boxes, levels)]
            pooled = pooled.index_put(((everywhere == level).nonzero()[:, 0],), roi_align(level_map, chosen, step, bins, self.samples))
        return pooled
