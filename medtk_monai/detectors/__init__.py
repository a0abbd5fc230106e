"""Where parts meet: network, criterion and postprocessor of a one-stage detector."""

from medtk_monai.detectors.criterion import DetectionCriterion
from medtk_monai.detectors.network import DetectionNetwork
from medtk_monai.detectors.postprocessor import Postprocessor

__all__ = ["DetectionCriterion", "DetectionNetwork", "Postprocessor"]
