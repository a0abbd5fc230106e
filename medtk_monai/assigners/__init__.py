"""Label assignment in training: ``assigner(priors, target, prediction) -> Assignment``."""

from medtk_monai.assigners.assigner import Assigner
from medtk_monai.assigners.atss_assigner import ATSSAssigner
from medtk_monai.assigners.dist_assigner import DistAssigner

__all__ = ["ATSSAssigner", "Assigner", "DistAssigner"]
