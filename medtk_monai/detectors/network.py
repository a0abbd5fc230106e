from __future__ import annotations

from dataclasses import replace

from torch import Tensor, nn

from medtk_monai.networks.reflect import with_reflect_padding
from medtk_monai.structures import DenseOutput


class DetectionNetwork(nn.Module):
    """Backbone, neck and head in a row; the same output in training and in evaluation.

    Args:
        backbone: (B, C, *spatial) image -> list of maps, finest first.
        neck: list of maps -> one map per level.
        head: maps of the levels -> DenseOutput.
        reflect: pad every convolution by reflection.
    """

    def __init__(self, backbone: nn.Module, neck: nn.Module, head: nn.Module, reflect: bool = True):
        super().__init__()
        self.backbone, self.neck, self.head = backbone, neck, head
        if reflect:
            with_reflect_padding(self)

    def forward(self, images: Tensor) -> DenseOutput:
        """(B, C, *spatial) images, each side a multiple of the coarsest stride."""
        return replace(self.head(self.neck(self.backbone(images))), image_size=tuple(images.shape[2:]))
