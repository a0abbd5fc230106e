"""Dense heads: feature maps -> DenseOutput."""

from medtk_monai.heads.anchor_head import AnchorHead
from medtk_monai.heads.combined_head import CombinedHead
from medtk_monai.heads.point_head import PointHead
from medtk_monai.heads.segmented_head import SegmentedHead

__all__ = ["AnchorHead", "CombinedHead", "PointHead", "SegmentedHead"]
