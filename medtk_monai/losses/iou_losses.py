"""Losses of the decoded boxes' overlap."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from medtk_monai.box_ops import paired_ciou, paired_diou, paired_giou, paired_iou
from medtk_monai.losses.box_loss import Decoder
from medtk_monai.structures import Priors


@dataclass(frozen=True)
class IoULoss:
    """1 - IoU of the decoded boxes, in [0, 1] (after Yu et al., UnitBox, ACM MM 2016); no gradient where they do not overlap."""

    def __call__(self, coder: Decoder, priors: Priors, deltas: Tensor, boxes: Tensor) -> Tensor:
        return 1 - paired_iou(coder.decode(priors, deltas), boxes)


@dataclass(frozen=True)
class GIoULoss:
    """1 - generalized IoU of the decoded boxes, in [0, 2] (Rezatofighi et al., CVPR 2019)."""

    def __call__(self, coder: Decoder, priors: Priors, deltas: Tensor, boxes: Tensor) -> Tensor:
        return 1 - paired_giou(coder.decode(priors, deltas), boxes)


@dataclass(frozen=True)
class DIoULoss:
    """1 - distance IoU of the decoded boxes, in [0, 2] (Zheng et al., AAAI 2020)."""

    def __call__(self, coder: Decoder, priors: Priors, deltas: Tensor, boxes: Tensor) -> Tensor:
        return 1 - paired_diou(coder.decode(priors, deltas), boxes)


@dataclass(frozen=True)
class CIoULoss:
    """1 - complete IoU of the decoded boxes, at least 0 (Zheng et al., AAAI 2020)."""

    def __call__(self, coder: Decoder, priors: Priors, deltas: Tensor, boxes: Tensor) -> Tensor:
        return 1 - paired_ciou(coder.decode(priors, deltas), boxes)
