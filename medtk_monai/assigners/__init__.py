"""Label assignment in training: ``assigner(priors, target, prediction) -> Assignment``."""

from medtk_monai.assigners.assigner import Assigner
from medtk_monai.assigners.atss_assigner import ATSSAssigner
from medtk_monai.assigners.dist_assigner import DistAssigner
from medtk_monai.assigners.nearest_assigner import NearestAssigner

__all__ = ["ATSSAssigner", "Assigner", "DistAssigner", "NearestAssigner"]
