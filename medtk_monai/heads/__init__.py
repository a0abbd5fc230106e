"""Heads: feature maps -> DenseOutput, and pooled boxes -> class and box."""

from medtk_monai.heads.anchor_head import AnchorHead
from medtk_monai.heads.combined_head import CombinedHead
from medtk_monai.heads.point_head import PointHead
from medtk_monai.heads.roi_extractor import RoIExtractor
from medtk_monai.heads.roi_head import RoIHead
from medtk_monai.heads.segmented_head import SegmentedHead

__all__ = ["AnchorHead", "CombinedHead", "PointHead", "RoIExtractor", "RoIHead", "SegmentedHead"]
