from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from medtk_monai.heads.tower import Towers, class_output, output_conv
from medtk_monai.structures import DenseOutput


class PointHead(nn.Module):
    """Class logits and box deltas of one point per cell, with a learnt scale of the deltas per level (Tian et al., FCOS, ICCV 2019).

    Args:
        spatial_dims: D, 2 or 3.
        in_channels: channels of every feature map, and of the towers.
        num_classes: C.
        num_levels: number of feature maps.
        num_convs: convolutions of each tower before the output.
        norm: normalization in the towers, in MONAI's notation; None for none.
        quality: add a branch that learns how well the box of a point fits, from the box tower.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        num_classes: int,
        num_levels: int,
        num_convs: int = 1,
        norm: str | tuple | None = None,
        quality: bool = False,
    ):
        super().__init__()
        self.num_classes = num_classes
        self.towers = Towers(spatial_dims, in_channels, num_convs, norm)
        self.logits = class_output(spatial_dims, in_channels, num_classes)
        self.deltas = output_conv(spatial_dims, in_channels, 2 * spatial_dims, bias=1.0)
        self.scales = nn.Parameter(torch.ones(num_levels))
        self.quality = output_conv(spatial_dims, in_channels, 1) if quality else None

    def forward(self, maps: Sequence[Tensor]) -> DenseOutput:
        """One (B, in_channels, *cells) map per level, finest first."""
        features = [self.towers(level) for level in maps]
        logits = tuple(self.logits(classes) for classes, _ in features)
        deltas = tuple(self.deltas(boxes) * scale for (_, boxes), scale in zip(features, self.scales, strict=True))
        quality = None if self.quality is None else tuple(self.quality(boxes) for _, boxes in features)
        return DenseOutput(logits, deltas, self.num_classes, quality)
