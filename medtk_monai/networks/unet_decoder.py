from __future__ import annotations

from collections.abc import Sequence

from monai.networks.blocks.convolutions import Convolution
from monai.networks.blocks.dynunet_block import UnetUpBlock
from torch import Tensor, nn

from medtk_monai.networks.feature_maps import FeatureMaps


class UNetDecoder(nn.Module):
    """Learnt upsampling with skip connections (Ronneberger et al., U-Net, MICCAI 2015), as a neck.

    Where the backbone's finest map has stride 1 or 2, so has the finest level.

    Args:
        spatial_dims: D, 2 or 3.
        maps: of the backbone, see ``measure_maps``; images must be whole cells of the coarsest.
        out_channels: channels of every level.
        levels: indices of the backbone's maps that become levels, ascending.
        norm: normalization in MONAI's notation.

    Raises:
        DataError: a level without a map, or cells that are not made of whole cells of the finer map.
    """

    def __init__(self, spatial_dims: int, maps: FeatureMaps, out_channels: int, levels: Sequence[int], norm: str | tuple = "batch"):
        super().__init__()
        self.levels = maps.check_levels(levels)
        channels, steps = maps.channels, maps.steps
        self.ups = nn.ModuleList(
            UnetUpBlock(spatial_dims, channels[i + 1], channels[i], 3, 1, steps[i + 1], norm) for i in range(self.levels[0], len(maps) - 1)
        )
        self.output = nn.ModuleList(
            Convolution(spatial_dims, channels[level], out_channels, kernel_size=3, norm=norm, act="leakyrelu", adn_ordering="NA")
            for level in self.levels
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps of the backbone, finest first -> one map of ``out_channels`` per level."""
        first = self.levels[0]
        merged = {len(maps) - 1: maps[-1]}
        for level in reversed(range(first, len(maps) - 1)):
            merged[level] = self.ups[level - first](merged[level + 1], maps[level])
        return [output(merged[level]) for output, level in zip(self.output, self.levels)]
