from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from medtk_monai.heads.tower import Towers, class_output, output_conv, same_at_all_levels
from medtk_monai.structures import DenseOutput


class CombinedHead(nn.Module):
    """Class logits and box deltas of the anchors and of the point of every cell, from shared towers; for ``CombinedGenerator``.

    Args:
        spatial_dims: D, 2 or 3.
        in_channels: channels of every feature map, and of the towers.
        num_classes: C.
        anchors_per_cell: anchors of a cell, without its point, the same at all levels; or those of each level.
        num_levels: number of feature maps.
        num_convs: convolutions of each tower before the output.
        norm: normalization in the towers, in MONAI's notation; None for none.

    Raises:
        DataError: levels have different numbers of anchors.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        num_classes: int,
        anchors_per_cell: int | Sequence[int],
        num_levels: int,
        num_convs: int = 1,
        norm: str | tuple | None = None,
    ):
        super().__init__()
        self.num_classes = num_classes
        self.towers = Towers(spatial_dims, in_channels, num_convs, norm)
        count = same_at_all_levels(anchors_per_cell)
        self.logits = class_output(spatial_dims, in_channels, (count + 1) * num_classes)
        self.anchor_deltas = output_conv(spatial_dims, in_channels, count * 2 * spatial_dims)
        self.point_deltas = output_conv(spatial_dims, in_channels, 2 * spatial_dims, bias=1.0)
        self.scales = nn.Parameter(torch.ones(num_levels))

    def forward(self, maps: Sequence[Tensor]) -> DenseOutput:
        """One (B, in_channels, *cells) map per level, finest first."""
        features = [self.towers(level) for level in maps]
        logits = tuple(self.logits(classes) for classes, _ in features)
        deltas = tuple(
            torch.cat([self.anchor_deltas(boxes), self.point_deltas(boxes) * scale], dim=1)
            for (_, boxes), scale in zip(features, self.scales, strict=True)
        )
        return DenseOutput(logits, deltas, self.num_classes)
