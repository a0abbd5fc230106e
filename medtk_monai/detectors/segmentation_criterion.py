from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from monai.losses import DiceCELoss
from torch import Tensor

from medtk_monai.anchors.layout import PerAxis, cell_centers, per_axis
from medtk_monai.box_ops import box_centers, box_sizes
from medtk_monai.structures import DenseOutput, Target

Criterion = Callable[..., dict[str, Tensor]]


class SegmentationCriterion:
    """Another criterion, and Dice with cross entropy of the segmentation branch (Jaeger et al., Retina U-Net, ML4H 2019).

    A target's mask tells the class of each voxel, and a cell has the largest among its voxels. Without a mask an object is the ellipsoid
    inscribed in its box.

    Args:
        criterion: of the detection.
        stride: voxels per cell of the finest level, one value or one per axis.
        weight: factor of the loss ``"segmentation"``.
    """

    def __init__(self, criterion: Criterion, stride: PerAxis, weight: float = 1.0):
        self.criterion, self.stride, self.weight = criterion, stride, weight
        self.loss = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)

    def __call__(self, output: DenseOutput, targets: Sequence[Target], generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """The output for B patches and their targets -> losses by name, scalars.

        Raises:
            ValueError: the output has no segmentation.
        """
        if output.segmentation is None:
            raise ValueError("the network has no segmentation branch: wrap its head in SegmentedHead")
        logits = output.segmentation.float()
        classes = torch.stack([self._draw(target, logits.shape[2:]) for target in targets])
        return {**self.criterion(output, targets, generator), "segmentation": self.weight * self.loss(logits, classes[:, None])}

    def _draw(self, target: Target, cells: Sequence[int]) -> Tensor:
        return draw_ellipsoids(target, cells, self.stride) if target.mask is None else draw_mask(target.mask, cells)


def draw_mask(mask: Tensor, cells: Sequence[int]) -> Tensor:
    """The largest value of a (*spatial) mask in each of (*cells) cells, int64."""
    pool = {2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}[mask.ndim]
    return pool(mask[None, None].float(), tuple(cells))[0, 0].long()


def draw_ellipsoids(target: Target, cells: Sequence[int], stride: PerAxis) -> Tensor:
    """The class, from 1, of the ellipsoid that each cell's center lies in, or 0: (*cells) int64. Small objects lie on top.

    An object in which no center lies gets the nearest cell.
    """
    device = target.boxes.device
    centers = cell_centers(cells, per_axis(stride, len(cells)), device)
    known = target[~target.ignored]
    known = known[box_sizes(known.boxes).prod(dim=1).argsort(descending=True, stable=True)]
    drawn = torch.zeros(len(centers), dtype=torch.int64, device=device)
    for box, label in zip(known.boxes, known.labels):
        offsets = (centers - box_centers(box)) / box_sizes(box)
        distances = offsets.square().sum(dim=-1)
        drawn[(distances <= 0.25).index_fill(0, distances.argmin(), True)] = label + 1
    return drawn.reshape(*cells)
