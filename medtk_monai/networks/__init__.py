"""Backbones, necks and reflect padding: image -> feature maps."""

from medtk_monai.networks.feature_pyramid import FeaturePyramid
from medtk_monai.networks.reflect import ReflectConv1d, ReflectConv2d, ReflectConv3d, with_reflect_padding
from medtk_monai.networks.residual_encoder import ResidualEncoder

__all__ = ["FeaturePyramid", "ReflectConv1d", "ReflectConv2d", "ReflectConv3d", "ResidualEncoder", "with_reflect_padding"]
