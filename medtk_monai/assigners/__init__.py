"""Label assignment in training: ``assigner(priors, target, prediction) -> Assignment``."""

from medtk_monai.assigners.assigner import Assigner
from medtk_monai.assigners.atss_assigner import ATSSAssigner
from medtk_monai.assigners.combined_assigner import CombinedAssigner
from medtk_monai.assigners.dist_assigner import DistAssigner
from medtk_monai.assigners.iou_assigner import IoUAssigner
from medtk_monai.assigners.max_iou_assigner import MaxIoUAssigner
from medtk_monai.assigners.nearest_assigner import NearestAssigner
from medtk_monai.assigners.sim_ota_assigner import SimOTAAssigner
from medtk_monai.assigners.task_aligned_assigner import TaskAlignedAssigner
from medtk_monai.assigners.uniform_assigner import UniformAssigner
from medtk_monai.assigners.valid_margin_assigner import ValidMarginAssigner

__all__ = [
    "ATSSAssigner",
    "Assigner",
    "CombinedAssigner",
    "DistAssigner",
    "IoUAssigner",
    "MaxIoUAssigner",
    "NearestAssigner",
    "SimOTAAssigner",
    "TaskAlignedAssigner",
    "UniformAssigner",
    "ValidMarginAssigner",
]
