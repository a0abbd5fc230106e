"""Choosing, on a validation, how candidates become detections."""

from medtk_monai.tuning.candidates import Candidates, find_candidates
from medtk_monai.tuning.settings import Setting, settings_grid
from medtk_monai.tuning.sweep import Sweep, sweep
from medtk_monai.tuning.tune import Tried, Validation, keep_in_model, tune

__all__ = ["Candidates", "Setting", "Sweep", "Tried", "Validation", "find_candidates", "keep_in_model", "settings_grid", "sweep", "tune"]
