from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from monai.losses import DiceLoss
from torch import Tensor

from medtk_monai.anchors.layout import PerAxis, cell_centers, per_axis
from medtk_monai.box_ops import box_centers, box_sizes
from medtk_monai.structures import DenseOutput, Target

Criterion = Callable[..., dict[str, Tensor]]


class SegmentationCriterion:
    """Another criterion, and Dice with cross entropy of the segmentation branch (Jaeger et al., Retina U-Net, ML4H 2019).

    A target's mask tells the class of each voxel, and a cell has the largest among its voxels. Without a mask an object is the ellipsoid
    inscribed in its box. Cells that ignored objects cover take no part, but for those of other objects.

    Args:
        criterion: of the detection.
        stride: voxels per cell of the finest level, one value or one per axis.
        weight: factor of the loss ``"segmentation"``.
    """

    def __init__(self, criterion: Criterion, stride: PerAxis, weight: float = 1.0):
        self.criterion, self.stride, self.weight = criterion, stride, weight
        self.dice = DiceLoss(include_background=False, batch=True)

    def __call__(self, output: DenseOutput, targets: Sequence[Target], generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """The output for B patches and their targets -> losses by name, scalars.

        Raises:
            ValueError: the output has no segmentation.
        """
        if output.segmentation is None:
            raise ValueError("the network has no segmentation branch: wrap its head in SegmentedHead")
        logits = output.segmentation.float()
        drawn = [self._draw(target, logits.shape[2:]) for target in targets]
        classes, taught = (torch.stack(parts) for parts in zip(*drawn))
        return {**self.criterion(output, targets, generator), "segmentation": self.weight * self._loss(logits, classes, taught)}

    def _loss(self, logits: Tensor, classes: Tensor, taught: Tensor) -> Tensor:
        """Of (B, C + 1, *cells) logits where ``taught`` (B, *cells) is 1."""
        shares = logits.softmax(dim=1) * taught[:, None]
        wanted = F.one_hot(classes, logits.shape[1]).movedim(-1, 1) * taught[:, None]
        entropy = F.cross_entropy(logits, classes, reduction="none") * taught
        return self.dice(shares, wanted) + entropy.sum() / taught.sum().clamp(min=1)

    def _draw(self, target: Target, cells: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The class of each cell, and 1 where it is to be learnt, 0 elsewhere: two of (*cells)."""
        if target.mask is None:
            classes = draw_ellipsoids(target, cells, self.stride)
            untaught = _cut_boxes(target, cells, self.stride)
        else:
            region = target.ignored_region
            classes = draw_mask(target.mask if region is None else target.mask * (region == 0), cells)
            untaught = torch.zeros_like(classes, dtype=torch.bool)
        if target.ignored_region is not None:
            untaught = untaught | (draw_mask((target.ignored_region > 0).to(torch.uint8), cells) > 0)
        return classes, (~untaught | (classes > 0)).float()


def _cut_boxes(target: Target, cells: Sequence[int], stride: PerAxis) -> Tensor:
    """(*cells) bool: the cell's center lies in the box of an ignored object of which no region tells what it covers."""
    ignored = target.ignored if target.in_region is None else target.ignored & ~target.in_region
    lower, upper = target.boxes.chunk(2, dim=1)
    centers = cell_centers(cells, per_axis(stride, len(cells)), target.boxes.device)[:, None]
    return (((centers >= lower) & (centers < upper)).all(dim=-1) & ignored).any(dim=1).reshape(*cells)


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
