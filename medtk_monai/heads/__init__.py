"""Dense heads: feature maps -> DenseOutput."""

from medtk_monai.heads.anchor_head import AnchorHead
from medtk_monai.heads.point_head import PointHead

__all__ = ["AnchorHead", "PointHead"]
