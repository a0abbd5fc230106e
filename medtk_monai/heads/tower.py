"""Convolutions that the heads share."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from monai.networks.blocks.convolutions import Convolution
from torch import Tensor, nn

from medtk_monai.errors import DataError

PRIOR_PROBABILITY = 0.01
"""A fresh network calls every prior foreground with this probability (Lin et al., focal loss, 2017)."""
PRIOR_LOGIT = -log((1 - PRIOR_PROBABILITY) / PRIOR_PROBABILITY)


class Towers(nn.Module):
    """A tower for classes and one for boxes, shared over the levels: ``num_convs`` times convolution, normalization, activation.

    Args:
        spatial_dims: D, 2 or 3.
        channels: of every feature map, and of the towers.
        num_convs: 3-wide convolutions of each tower.
        norm: in MONAI's notation; None for none.
    """

    def __init__(self, spatial_dims: int, channels: int, num_convs: int, norm: str | tuple | None):
        super().__init__()
        self.classes = _tower(spatial_dims, channels, num_convs, norm)
        self.boxes = _tower(spatial_dims, channels, num_convs, norm)

    def forward(self, level: Tensor) -> tuple[Tensor, Tensor]:
        """The map of one level -> features for the class logits, features for the box deltas."""
        return self.classes(level), self.boxes(level)


def _tower(spatial_dims: int, channels: int, num_convs: int, norm: str | tuple | None) -> nn.Sequential:
    blocks = (
        Convolution(spatial_dims, channels, channels, kernel_size=3, norm=norm, act="leakyrelu", adn_ordering="NA")
        for _ in range(num_convs)
    )
    return nn.Sequential(*blocks)


def output_conv(spatial_dims: int, channels: int, out_channels: int, bias: float = 0.0) -> nn.Module:
    """A 3-wide convolution with small weights and a constant bias."""
    block = Convolution(spatial_dims, channels, out_channels, kernel_size=3, conv_only=True)
    nn.init.normal_(block.get_parameter("conv.weight"), std=0.01)
    nn.init.constant_(block.get_parameter("conv.bias"), bias)
    return block


def class_output(spatial_dims: int, channels: int, out_channels: int) -> nn.Module:
    """An output convolution for logits that starts at ``PRIOR_PROBABILITY``."""
    return output_conv(spatial_dims, channels, out_channels, PRIOR_LOGIT)


def same_at_all_levels(priors_per_cell: int | Sequence[int]) -> int:
    """Priors of a cell, from one number or that of each level.

    Raises:
        DataError: levels differ, whose weights are shared.
    """
    counts = {priors_per_cell} if isinstance(priors_per_cell, int) else set(priors_per_cell)
    if len(counts) != 1:
        numbers = ", ".join(map(str, [] if isinstance(priors_per_cell, int) else priors_per_cell))
        raise DataError(f"the levels have {numbers} anchors per cell", remedy="give as many anchor sizes at each level")
    return counts.pop()
