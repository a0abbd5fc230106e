"""From scans to files of findings."""

from medtk_monai.prediction.inputs import Scan, find_scans, scans_of
from medtk_monai.prediction.looks import ViewOptions
from medtk_monai.prediction.predictor import Predictor, ScanFindings, load_predictor

__all__ = ["ScanFindings", "Predictor", "Scan", "ViewOptions", "find_scans", "load_predictor", "scans_of"]
