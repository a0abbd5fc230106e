from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from medtk_monai.heads.tower import Towers, class_output, output_conv, same_at_all_levels
from medtk_monai.structures import DenseOutput


class AnchorHead(nn.Module):
    """Class logits and box deltas of every anchor, by two towers shared over the levels (Lin et al., RetinaNet, ICCV 2017).

    Args:
        spatial_dims: D, 2 or 3.
        in_channels: channels of every feature map, and of the towers.
        num_classes: C.
        priors_per_cell: anchors of a cell (A), the same at all levels; or those of each level, as a generator tells them.
        num_convs: convolutions of each tower before the output.
        norm: normalization in the towers, in MONAI's notation; None for none.

    Raises:
        DataError: levels have different numbers of anchors.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        num_classes: int,
        priors_per_cell: int | Sequence[int] = 1,
        num_convs: int = 1,
        norm: str | tuple | None = None,
    ):
        super().__init__()
        self.num_classes = num_classes
        self.towers = Towers(spatial_dims, in_channels, num_convs, norm)
        count = same_at_all_levels(priors_per_cell)
        self.logits = class_output(spatial_dims, in_channels, count * num_classes)
        self.deltas = output_conv(spatial_dims, in_channels, count * 2 * spatial_dims)

    def forward(self, maps: Sequence[Tensor]) -> DenseOutput:
        """One (B, in_channels, *cells) map per level, finest first."""
        features = [self.towers(level) for level in maps]
        logits = tuple(self.logits(classes) for classes, _ in features)
        deltas = tuple(self.deltas(boxes) for _, boxes in features)
        return DenseOutput(logits, deltas, self.num_classes)
