"""From scans to files of findings."""

from medtk_monai.prediction.inputs import Scan, find_scans, scans_of
from medtk_monai.prediction.predictor import Prediction, Predictor
from medtk_monai.prediction.views import ViewOptions

__all__ = ["Prediction", "Predictor", "Scan", "ViewOptions", "find_scans", "scans_of"]
