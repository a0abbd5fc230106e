"""Where parts meet: network, criterion and postprocessor."""

from medtk_monai.detectors.criterion import DetectionCriterion
from medtk_monai.detectors.fit import check_fit
from medtk_monai.detectors.network import DetectionNetwork
from medtk_monai.detectors.postprocessor import Postprocessor
from medtk_monai.detectors.segmentation_criterion import SegmentationCriterion
from medtk_monai.detectors.two_stage import TwoStageCriterion, TwoStageNetwork, TwoStagePostprocessor, dense_stage

__all__ = [
    "DetectionCriterion",
    "DetectionNetwork",
    "Postprocessor",
    "SegmentationCriterion",
    "TwoStageCriterion",
    "TwoStageNetwork",
    "TwoStagePostprocessor",
    "check_fit",
    "dense_stage",
]
