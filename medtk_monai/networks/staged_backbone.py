from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn


class StagedBackbone(nn.Module):
    """Modules in a row whose outputs are all feature maps: how the encoder of another network becomes a backbone.

    ``StagedBackbone([net.input_block, *net.downsamples])`` takes that of MONAI's DynUNet. Encoders that return a list of maps
    themselves, as MONAI's ResNetFeatures and SegResEncoder, are backbones as they are.

    Args:
        stages: each takes the output of the one before.

    Raises:
        ValueError: no stages.
    """

    def __init__(self, stages: Iterable[nn.Module]):
        super().__init__()
        self.stages = nn.ModuleList(stages)
        if not len(self.stages):
            raise ValueError("a backbone needs at least one stage")

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, C, *spatial) image -> one map per stage, finest first."""
        maps = []
        for stage in self.stages:
            image = stage(image)
            maps.append(image)
        return maps
