"""A detection network as a function from a tensor to named tensors, which other programs can run."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from medtk_monai.errors import DataError
from medtk_monai.structures import DenseOutput

INPUT = "images"
"""Name of the input of an exported network."""
KINDS = ("logits", "deltas", "quality")
"""Maps of each level; their outputs are named ``logits_0`` and so on, finest level first."""


class FlatNetwork(nn.Module):
    """A network whose output is a tuple of tensors: the maps of a DenseOutput but for the segmentation, which only training looks at.

    Args:
        network: images -> DenseOutput.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, C, *spatial) images -> maps in the order of ``flat_maps``."""
        return tuple(flat_maps(self.network(images)).values())


def flat_maps(output: DenseOutput) -> dict[str, Tensor]:
    """The maps of an output by name: logits of all levels, then deltas, then quality, if there is such a branch."""
    return {f"{kind}_{level}": part for kind in KINDS for level, part in enumerate(getattr(output, kind) or ())}


def dense_output(maps: Mapping[str, Tensor], num_classes: int) -> DenseOutput:
    """What ``flat_maps`` was made from, but for the segmentation."""
    logits, deltas, quality = (tuple(maps[name] for name in maps if name.startswith(f"{kind}_")) for kind in KINDS)
    return DenseOutput(logits, deltas, num_classes, quality or None)


def probe_output(network: nn.Module, images: Tensor) -> DenseOutput:
    """What a network says, if it can be exported.

    Raises:
        DataError: it returns something else than a DenseOutput, such as the proposals of a two-stage network.
    """
    with torch.no_grad():
        output = network(images)
    if not isinstance(output, DenseOutput):
        what = f"{type(network).__name__} cannot be exported: how many proposals its second stage looks at depends on the image"
        raise DataError(what, remedy="export its first stage alone: --dense_stage, or medtk_monai.export.dense_stage(network)")
    return output
