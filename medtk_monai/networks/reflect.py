"""Reflect padding for convolutions, so that a voxel's response depends less on where a patch was cut.

torch's own ``padding_mode="reflect"`` fails where a map is no larger than its pad; here it reflects to and fro, and an axis of one
cell repeats it.
"""

from __future__ import annotations

from torch import Tensor, nn

from medtk_monai.reflection import reflect_pad


class _ReflectPadding:
    """Pads by reflection, then convolves without padding; for a convolution with an integer padding."""

    def _conv_forward(self, maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        convolve = {1: nn.functional.conv1d, 2: nn.functional.conv2d, 3: nn.functional.conv3d}[weight.ndim - 2]
        padded = reflect_pad(maps, self.padding)  # type: ignore[attr-defined]
        return convolve(padded, weight, bias, self.stride, 0, self.dilation, self.groups)  # type: ignore[attr-defined]


class ReflectConv1d(_ReflectPadding, nn.Conv1d):
    """``nn.Conv1d`` that pads by reflection, whatever the size of the map."""


class ReflectConv2d(_ReflectPadding, nn.Conv2d):
    """``nn.Conv2d`` that pads by reflection, whatever the size of the map."""


class ReflectConv3d(_ReflectPadding, nn.Conv3d):
    """``nn.Conv3d`` that pads by reflection, whatever the size of the map."""


Conv = nn.Conv1d | nn.Conv2d | nn.Conv3d

_REFLECTING: dict[type, type] = {nn.Conv1d: ReflectConv1d, nn.Conv2d: ReflectConv2d, nn.Conv3d: ReflectConv3d}


def with_reflect_padding(network: nn.Module) -> nn.Module:
    """Turn every padded convolution inside a network into one that pads by reflection; weights and their names stay.

    Args:
        network: changed in place.

    Returns:
        The same network.

    Raises:
        ValueError: a convolution with ``padding="same"`` and an even kernel, whose pads differ between the sides.
    """
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if type(child) in _REFLECTING and isinstance(child, Conv) and _pads(child) != (0,) * len(child.kernel_size):
                setattr(module, name, _reflecting(child))
    return network


def _pads(conv: Conv) -> tuple[int, ...]:
    if not isinstance(conv.padding, str):
        return tuple(conv.padding)
    reach = [d * (k - 1) for d, k in zip(conv.dilation, conv.kernel_size)]
    if conv.padding == "same" and any(r % 2 for r in reach):
        raise ValueError(f"{conv} pads its sides differently and cannot reflect: use an odd kernel size")
    return tuple(r // 2 for r in reach) if conv.padding == "same" else (0,) * len(reach)


def _reflecting(conv: Conv) -> nn.Module:
    """A reflecting convolution with the very parameters of ``conv``."""
    twin = _REFLECTING[type(conv)](
        conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, _pads(conv), conv.dilation, conv.groups,
        bias=conv.bias is not None, device="meta",
    )  # fmt: skip
    twin.weight, twin.bias = conv.weight, conv.bias
    return twin.train(conv.training)
