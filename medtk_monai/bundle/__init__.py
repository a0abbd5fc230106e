"""The bundle: its configuration, its values, and its checkpoints."""

from medtk_monai.bundle.checkpoint import load_weights
from medtk_monai.bundle.geometry import check_geometry
from medtk_monai.bundle.layers import check_layers
from medtk_monai.bundle.origin import origin_of
from medtk_monai.bundle.overrides import check_overrides, choose_parts
from medtk_monai.bundle.running import plain_values, running_config
from medtk_monai.errors import show_data_errors_in_one_line as report_errors

__all__ = [
    "check_geometry",
    "check_layers",
    "check_overrides",
    "choose_parts",
    "load_weights",
    "origin_of",
    "plain_values",
    "report_errors",
    "running_config",
]
