"""Prior generators: ``generator(feature_sizes, device) -> Priors``."""

from medtk_monai.anchors.anchor_generator import AnchorGenerator
from medtk_monai.anchors.combined_generator import CombinedGenerator
from medtk_monai.anchors.layout import PriorGenerator
from medtk_monai.anchors.placement import place_in_window
from medtk_monai.anchors.point_generator import PointGenerator

__all__ = ["AnchorGenerator", "CombinedGenerator", "PointGenerator", "PriorGenerator", "place_in_window"]
