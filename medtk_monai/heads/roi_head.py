from __future__ import annotations

from torch import Tensor, nn

from medtk_monai.heads.tower import PRIOR_LOGIT


class RoIHead(nn.Module):
    """Class logits and box deltas of pooled boxes, from two shared layers (Girshick, Fast R-CNN, ICCV 2015).

    Classes are rated one by one by sigmoids, as in the dense heads, and the deltas are those of any class.

    Args:
        spatial_dims: D, 2 or 3.
        in_channels: channels of the pooled features.
        output_size: bins along each axis.
        num_classes: C.
        hidden: units of the two layers.
    """

    def __init__(self, spatial_dims: int, in_channels: int, output_size: int, num_classes: int, hidden: int = 128):
        super().__init__()
        inputs = in_channels * output_size**spatial_dims
        self.layers = nn.Sequential(nn.Linear(inputs, hidden), nn.LeakyReLU(), nn.Linear(hidden, hidden), nn.LeakyReLU())
        self.logits = nn.Linear(hidden, num_classes)
        self.deltas = nn.Linear(hidden, 2 * spatial_dims)
        for output, bias in ((self.logits, PRIOR_LOGIT), (self.deltas, 0.0)):
            nn.init.normal_(output.weight, std=0.01)
            nn.init.constant_(output.bias, bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(R, channels, *bins) -> float32 logits (R, C) and deltas (R, 2D)."""
        hidden = self.layers(features.flatten(1))
        return self.logits(hidden).float(), self.deltas(hidden).float()
