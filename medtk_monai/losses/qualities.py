"""How well a prior's box fits, in [0, 1]: what a quality branch or a quality-aware classification loss learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from medtk_monai.box_ops import paired_iou
from medtk_monai.losses.box_loss import Decoder
from medtk_monai.structures import Priors


class Quality(Protocol):
    """Rates what K priors regressed, without gradient."""

    def __call__(self, coder: Decoder, priors: Priors, deltas: Tensor, boxes: Tensor) -> Tensor:
        """K priors, deltas (K, 2D) and boxes (K, 2D), voxels -> (K,) in [0, 1]."""
        ...


@dataclass(frozen=True)
class IoUQuality:
    """IoU of the decoded box with the object (Wu et al., IoU-aware single-stage detector, 2020)."""

    def __call__(self, coder: Decoder, priors: Priors, deltas: Tensor, boxes: Tensor) -> Tensor:
        with torch.no_grad():
            return paired_iou(coder.decode(priors, deltas), boxes)


@dataclass(frozen=True)
class CenternessQuality:
    """1 at the center of the object, 0 on its faces and outside (Tian et al., FCOS, ICCV 2019).

    The geometric mean over the axes of the ratio between the distances to the nearer and to the farther face.
    """

    def __call__(self, coder: Decoder, priors: Priors, deltas: Tensor, boxes: Tensor) -> Tensor:
        with torch.no_grad():
            lower, upper = boxes.chunk(2, dim=-1)
            centers = priors.centers
            near = torch.minimum(centers - lower, upper - centers).clamp(min=0)
            far = torch.maximum(centers - lower, upper - centers).clamp(min=torch.finfo(torch.float32).tiny)
            return (near / far).prod(dim=-1) ** (1 / lower.shape[-1])
