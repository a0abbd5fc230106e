"""Choosing, on a validation, how candidates become detections."""

from medtk_monai.tuning.candidates import Candidates, find_candidates
from medtk_monai.tuning.goal import Goal, parse_goal
from medtk_monai.tuning.settings import Setting, settings_grid
from medtk_monai.tuning.sweep import Sweep, sweep

__all__ = ["Candidates", "Goal", "Setting", "Sweep", "find_candidates", "parse_goal", "settings_grid", "sweep"]
