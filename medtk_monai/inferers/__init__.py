"""Inference over whole images in windows, in several views, by several networks."""

from medtk_monai.inferers.multi_view_inferer import MultiViewInferer, NetworkEnsemble, merge_views
from medtk_monai.inferers.views import View, mirror_views
from medtk_monai.inferers.windowed_inferer import WindowedInferer
from medtk_monai.inferers.windows import plan_windows

__all__ = ["MultiViewInferer", "NetworkEnsemble", "View", "WindowedInferer", "merge_views", "mirror_views", "plan_windows"]
