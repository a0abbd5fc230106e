"""The bundle: its configuration, its values, and its checkpoints."""

from medtk_monai.bundle.checkpoint import load_weights
from medtk_monai.bundle.choices import choose
from medtk_monai.bundle.geometry import check_geometry
from medtk_monai.bundle.origin import origin_of
from medtk_monai.bundle.overrides import check_overrides
from medtk_monai.bundle.running import plain_values, running_config

__all__ = ["check_geometry", "check_overrides", "choose", "load_weights", "origin_of", "plain_values", "running_config"]
