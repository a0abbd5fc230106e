from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor, nn

from medtk_monai.heads.tower import output_conv
from medtk_monai.structures import DenseOutput


class SegmentedHead(nn.Module):
    """Another head, and a segmentation of the finest map that only training looks at (Jaeger et al., Retina U-Net, ML4H 2019).

    Args:
        head: whose output gets the segmentation.
        spatial_dims: D, 2 or 3.
        in_channels: channels of every feature map.
        num_classes: C; the segmentation has background besides.
    """

    def __init__(self, head: nn.Module, spatial_dims: int, in_channels: int, num_classes: int):
        super().__init__()
        self.head = head
        self.segmentation = output_conv(spatial_dims, in_channels, num_classes + 1)

    def forward(self, maps: Sequence[Tensor]) -> DenseOutput:
        """One (B, in_channels, *cells) map per level, finest first."""
        return replace(self.head(maps), segmentation=self.segmentation(maps[0]))
