"""Convolutions that the heads share."""

from __future__ import annotations

from math import log

from monai.networks.blocks.convolutions import Convolution
from torch import nn

PRIOR_PROBABILITY = 0.01
"""A fresh network calls every prior foreground with this probability (Lin et al., focal loss, 2017)."""


def conv_tower(spatial_dims: int, channels: int, num_convs: int, norm: str | tuple | None) -> nn.Sequential:
    """``num_convs`` times a 3-wide convolution, normalization and an activation."""
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
    return output_conv(spatial_dims, channels, out_channels, -log((1 - PRIOR_PROBABILITY) / PRIOR_PROBABILITY))
