"""Losses per prior; criteria sum and normalize them.

Classification: ``loss(logits (K, C), targets (K, C)) -> (K,)``. Boxes: ``loss(coder, priors, deltas, boxes) -> (K,)``: a loss decides itself
whether it compares deltas or decoded boxes. Qualities have the signature of box losses and rate boxes in [0, 1].
"""

from medtk_monai.losses.balanced_l1_loss import BalancedL1Loss
from medtk_monai.losses.bce_loss import BCELoss
from medtk_monai.losses.box_loss import BoxLoss
from medtk_monai.losses.classification_loss import ClassificationLoss
from medtk_monai.losses.combined_box_loss import CombinedBoxLoss
from medtk_monai.losses.focal_loss import FocalLoss
from medtk_monai.losses.iou_losses import CIoULoss, DIoULoss, GIoULoss, IoULoss
from medtk_monai.losses.qualities import CenternessQuality, IoUQuality, Quality
from medtk_monai.losses.quality_focal_loss import QualityFocalLoss
from medtk_monai.losses.smooth_l1_loss import SmoothL1Loss
from medtk_monai.losses.wasserstein_loss import WassersteinLoss

__all__ = [
    "BCELoss",
    "BalancedL1Loss",
    "BoxLoss",
    "CIoULoss",
    "CenternessQuality",
    "ClassificationLoss",
    "CombinedBoxLoss",
    "DIoULoss",
    "FocalLoss",
    "GIoULoss",
    "IoULoss",
    "IoUQuality",
    "Quality",
    "QualityFocalLoss",
    "SmoothL1Loss",
    "WassersteinLoss",
]
