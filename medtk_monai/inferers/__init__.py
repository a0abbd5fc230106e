"""Inference over whole images in windows."""

from medtk_monai.inferers.windowed_inferer import WindowedInferer
from medtk_monai.inferers.windows import plan_windows

__all__ = ["WindowedInferer", "plan_windows"]
