"""Suppressors: ``suppressor(detections) -> detections``, one for each object, best first."""

from medtk_monai.suppressors.distance_nms import DistanceNMS
from medtk_monai.suppressors.keep_all import KeepAll
from medtk_monai.suppressors.nms import NMS
from medtk_monai.suppressors.soft_nms import SoftNMS
from medtk_monai.suppressors.suppressor import Suppressor
from medtk_monai.suppressors.weighted_box_clustering import WeightedBoxClustering

__all__ = ["NMS", "DistanceNMS", "KeepAll", "SoftNMS", "Suppressor", "WeightedBoxClustering"]
