from __future__ import annotations

from collections.abc import Sequence

from monai.networks.blocks.dynunet_block import UnetResBlock
from torch import Tensor, nn

from medtk_monai.errors import DataError


class ResidualEncoder(nn.Module):
    """Stages of residual blocks (He et al., CVPR 2016), each at its own resolution.

    Args:
        spatial_dims: D, 2 or 3.
        in_channels: channels of the image.
        channels: channels of each stage.
        strides: stride of each stage's first block, 1 or 2, one value or one per axis.
        blocks: residual blocks of each stage.
        norm: normalization in MONAI's notation, as ``"batch"`` or ``["group", {"num_groups": 8}]``.
        kernel_size: of the convolutions, odd; one value or one per axis.

    Raises:
        DataError: channels, strides and blocks differ in length, or a stride is larger.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        channels: Sequence[int] = (16, 32, 64),
        strides: Sequence[int | Sequence[int]] = (2, 2, 2),
        blocks: Sequence[int] = (1, 1, 1),
        norm: str | tuple = "batch",
        kernel_size: int | Sequence[int] = 3,
    ):
        super().__init__()
        if not len(channels) == len(strides) == len(blocks):
            what = f"{len(channels)} channels, {len(strides)} strides and {len(blocks)} blocks"
            raise DataError(what, remedy="give one of each per stage")
        for stride in strides:
            told = list(stride) if isinstance(stride, Sequence) else [stride] * spatial_dims
            if len(told) != spatial_dims or not set(told) <= {1, 2}:
                raise DataError(f"stride {stride} of a stage in {spatial_dims}D", remedy="give 1 or 2, for all axes or for each")
        stages, width = [], in_channels
        for stage_channels, stride, count in zip(channels, strides, blocks):
            steps = [stride] + [1] * (count - 1)
            widths = [width] + [stage_channels] * (count - 1)
            stages.append(
                nn.Sequential(*(UnetResBlock(spatial_dims, w, stage_channels, kernel_size, s, norm) for w, s in zip(widths, steps)))
            )
            width = stage_channels
        self.stages = nn.ModuleList(stages)

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, C, *spatial) image -> one map per stage, finest first."""
        maps = []
        for stage in self.stages:
            image = stage(image)
            maps.append(image)
        return maps
