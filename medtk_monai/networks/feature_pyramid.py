from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from monai.networks.blocks.convolutions import Convolution
from torch import Tensor, nn

from medtk_monai.networks.feature_maps import FeatureMaps


class FeaturePyramid(nn.Module):
    """Carries coarse features down to finer levels (Lin et al., Feature Pyramid Networks, CVPR 2017).

    Unlike MONAI's block it builds weights for the wanted levels only, so that every parameter takes part in training, and it
    normalizes its outputs.

    Args:
        spatial_dims: D, 2 or 3.
        maps: of the backbone, see ``measure_maps``.
        out_channels: channels of every level.
        levels: indices of the backbone's maps that become levels, ascending.
        norm: normalization in MONAI's notation.

    Raises:
        DataError: a level without a map.
    """

    def __init__(self, spatial_dims: int, maps: FeatureMaps, out_channels: int, levels: Sequence[int], norm: str | tuple = "batch"):
        super().__init__()
        self.levels = maps.check_levels(levels)
        used = maps.channels[self.levels[0] :]
        self.lateral = nn.ModuleList(Convolution(spatial_dims, c, out_channels, kernel_size=1, conv_only=True) for c in used)
        self.output = nn.ModuleList(
            Convolution(spatial_dims, out_channels, out_channels, kernel_size=3, norm=norm, act="leakyrelu", adn_ordering="NA")
            for _ in self.levels
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps of the backbone, finest first -> one map of ``out_channels`` per level."""
        first = self.levels[0]
        top = None
        merged = {}
        for level in reversed(range(first, len(maps))):
            side = self.lateral[level - first](maps[level])
            top = side if top is None else side + F.interpolate(top, size=side.shape[2:], mode="nearest")
            merged[level] = top
        return [output(merged[level]) for output, level in zip(self.output, self.levels)]
