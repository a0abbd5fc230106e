"""Box coders: ``encode(priors, boxes) -> deltas`` and ``decode(priors, deltas) -> boxes``, float32."""

from medtk_monai.coders.box_coder import BoxCoder
from medtk_monai.coders.combined_coder import CombinedCoder
from medtk_monai.coders.delta_coder import DeltaCoder
from medtk_monai.coders.distance_coder import DistanceCoder

__all__ = ["BoxCoder", "CombinedCoder", "DeltaCoder", "DistanceCoder"]
