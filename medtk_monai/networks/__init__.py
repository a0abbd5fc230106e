"""Backbones, necks and reflect padding: image -> feature maps."""

from medtk_monai.networks.feature_maps import FeatureMaps, measure_maps
from medtk_monai.networks.feature_pyramid import FeaturePyramid
from medtk_monai.networks.reflect import ReflectConv1d, ReflectConv2d, ReflectConv3d, with_reflect_padding
from medtk_monai.networks.residual_encoder import ResidualEncoder
from medtk_monai.networks.staged_backbone import StagedBackbone
from medtk_monai.networks.unet_decoder import UNetDecoder

__all__ = [
    "FeatureMaps",
    "FeaturePyramid",
    "ReflectConv1d",
    "ReflectConv2d",
    "ReflectConv3d",
    "ResidualEncoder",
    "StagedBackbone",
    "UNetDecoder",
    "measure_maps",
    "with_reflect_padding",
]
