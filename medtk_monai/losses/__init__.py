"""Losses per prior; criteria sum and normalize them.

Classification: ``loss(logits (K, C), targets (K, C)) -> (K,)``. Boxes: ``loss(coder, priors, deltas, boxes) -> (K,)``: a loss decides itself
whether it compares deltas or decoded boxes.
"""

from medtk_monai.losses.box_losses import BoxLoss, GIoULoss, SmoothL1Loss
from medtk_monai.losses.classification_losses import BCELoss, ClassificationLoss, FocalLoss

__all__ = ["BCELoss", "BoxLoss", "ClassificationLoss", "FocalLoss", "GIoULoss", "SmoothL1Loss"]
