"""Which findings count neither way because of an ignored object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from medtk_monai.box_ops import box_sizes
from medtk_monai.metrics.hits import CenterInBoxHit, Hit, IoUHit, MaskHit

_ROUNDING = 1e-6


@dataclass(frozen=True)
class Cover:
    """A finding is excused by the share of it that lies in an ignored object, as COCO does with crowds; or because it finds the object.

    The object is what its mask covers where there is one, else its box. What finds the object itself is excused as well: by an IoU of the
    boxes that hits, or, where the hit rule is of points and there is a mask, by a center in the mask.

    Args:
        share: of the finding's own area or volume, in (0, 1]; None for the threshold of the hit rule, which is the IoU as in COCO, and
            0.5 for rules of points.

    Raises:
        ValueError: the share lies outside (0, 1].
    """

    share: float | None = None

    def __post_init__(self) -> None:
        if self.share is not None and not 0 < self.share <= 1:
            raise ValueError(f"the share of a finding that excuses it must lie in (0, 1], got {self.share}")


Excuse = Cover | Literal["hit", "center"]
"""``"hit"``: it hits the object by the hit rule; ``"center"``: its center lies in the object's mask, or box where there is none."""

COVER = Cover()


def excusing(excuse: Excuse, hit: Hit, boxes: Tensor, objects: Tensor, masks: MaskHit | None = None) -> np.ndarray:
    """How much each object, if it is ignored, excuses each finding: (N, M) float64, -inf where it does not.

    Args:
        hit: the hit rule.
        boxes: (N, 2D) of the findings.
        objects: (M, 2D) boxes of ignored objects.
        masks: of the objects; None where they are boxes.
    """
    if excuse == "hit":
        own = hit
    elif excuse == "center":
        own = masks or CenterInBoxHit()
    else:
        own = hit if masks is None or isinstance(hit, IoUHit) else masks
    quality = own(boxes, objects).detach().cpu().double()
    finds = quality >= own.threshold
    if not isinstance(excuse, Cover):
        return torch.where(finds, quality, -torch.inf).numpy()
    shares = shares_inside(boxes, objects, masks).detach().cpu()
    needed = hit.threshold if excuse.share is None else excuse.share
    return torch.where(finds | (shares >= needed - _ROUNDING), shares, -torch.inf).numpy()


def shares_inside(boxes: Tensor, objects: Tensor, masks: MaskHit | None = None) -> Tensor:
    """The share of each finding (N, 2D) that lies in each object (M, 2D): (N, M) float64; a finding without extent lies inside or not.

    Args:
        masks: of the objects, whose boxes are around them; None where they are boxes.
    """
    shares = _shares_in_boxes(boxes.double(), objects.double())
    if masks is None:
        return shares
    touched = (shares > 0).nonzero()
    exact = torch.zeros_like(shares)
    for finding in touched[:, 0].unique().tolist():
        exact[finding] = _shares_in_masks(boxes[finding].double(), masks, len(objects))
    return exact


def _shares_in_boxes(boxes: Tensor, objects: Tensor) -> Tensor:
    lower = torch.maximum(boxes.chunk(2, -1)[0][:, None], objects.chunk(2, -1)[0])
    upper = torch.minimum(boxes.chunk(2, -1)[1][:, None], objects.chunk(2, -1)[1])
    sizes = box_sizes(boxes)[:, None]
    return torch.where(sizes > 0, (upper - lower).clamp(min=0) / sizes, (upper >= lower).double()).prod(dim=-1)


def _shares_in_masks(box: Tensor, masks: MaskHit, count: int) -> Tensor:
    """(count,) of one box, voxels at its border in part."""
    places, weights = [], []
    for low, high, size, step in zip(*box.chunk(2), masks.instances.shape, masks.spacing):
        first, last = float(low) / step, float(high) / step
        voxels = torch.arange(
            max(int(np.floor(first)), 0), min(max(int(np.ceil(last)), int(np.floor(first)) + 1), size), dtype=torch.float64
        )
        places.append(slice(int(voxels[0]), int(voxels[-1]) + 1) if len(voxels) else slice(0, 0))
        parts = (voxels + 1).clamp(max=last) - voxels.clamp(min=first)
        weights.append(parts / (last - first) if last > first else torch.ones_like(voxels))
    inside = masks.instances[tuple(places)].long()
    weight = weights[0]
    for part in weights[1:]:
        weight = weight[..., None] * part
    return torch.bincount(inside.flatten(), weight.flatten(), minlength=count + 1)[1 : count + 1]
