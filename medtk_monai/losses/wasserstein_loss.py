from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from medtk_monai.box_ops import wasserstein_distances
from medtk_monai.losses.box_loss import Decoder
from medtk_monai.structures import Priors


@dataclass(frozen=True)
class WassersteinLoss:
    """1 - normalized Wasserstein similarity of the decoded boxes, in [0, 1) (Wang et al., 2021, arXiv 2110.13389).

    Its gradient does not vanish where tiny boxes miss each other by a voxel.

    Args:
        scale: distance at which the similarity has fallen to 1/e, voxels; the mean side length of the objects is usual.

    Raises:
        ValueError: the scale is not positive.
    """

    scale: float = 8.0

    def __post_init__(self) -> None:
        if self.scale <= 0:
            raise ValueError(f"scale is {self.scale}: it must be positive")

    def __call__(self, coder: Decoder, priors: Priors, deltas: Tensor, boxes: Tensor) -> Tensor:
        return 1 - (-wasserstein_distances(coder.decode(priors, deltas), boxes) / self.scale).exp()
