from __future__ import annotations

from collections.abc import Sequence

from monai.networks.blocks.convolutions import Convolution
from monai.networks.blocks.dynunet_block import UnetUpBlock
from torch import Tensor, nn

PerAxis = int | Sequence[int]


class UNetDecoder(nn.Module):
    """Learnt upsampling with skip connections (Ronneberger et al., U-Net, MICCAI 2015), as a neck.

    Where the backbone's finest map has stride 1 or 2, so has the finest level.

    Args:
        spatial_dims: D, 2 or 3.
        in_channels: channels of the backbone's maps, finest first.
        strides: stride of each of these maps relative to the one before, as those of the backbone's stages; the first is not used.
        out_channels: channels of every level.
        levels: indices of the backbone's maps that become levels, ascending.
        norm: normalization in MONAI's notation.

    Raises:
        ValueError: a level without a map, or lists of different lengths.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: Sequence[int],
        strides: Sequence[PerAxis],
        out_channels: int,
        levels: Sequence[int],
        norm: str | tuple = "batch",
    ):
        super().__init__()
        if len(in_channels) != len(strides):
            raise ValueError(f"{len(in_channels)} maps and {len(strides)} strides: give one of each per map")
        if not levels or min(levels) < 0 or max(levels) >= len(in_channels):
            raise ValueError(f"levels {list(levels)} of {len(in_channels)} maps: give indices of maps, 0 is the finest")
        self.levels = sorted(levels)
        self.ups = nn.ModuleList(
            UnetUpBlock(spatial_dims, in_channels[i + 1], in_channels[i], 3, 1, strides[i + 1], norm)
            for i in range(self.levels[0], len(in_channels) - 1)
        )
        self.output = nn.ModuleList(
            Convolution(spatial_dims, in_channels[level], out_channels, kernel_size=3, norm=norm, act="leakyrelu", adn_ordering="NA")
            for level in self.levels
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps of the backbone, finest first -> one map of ``out_channels`` per level."""
        first = self.levels[0]
        merged = {len(maps) - 1: maps[-1]}
        for level in reversed(range(first, len(maps) - 1)):
            merged[level] = self.ups[level - first](merged[level + 1], maps[level])
        return [output(merged[level]) for output, level in zip(self.output, self.levels)]
