"""What lets MONAI's SupervisedTrainer and SupervisedEvaluator run a detector."""

from medtk_monai.engines.overrides import check_overrides
from medtk_monai.engines.precision import resolve_precision
from medtk_monai.engines.steps import EvaluateStep, TrainStep, channels_last, prepare_batch

__all__ = ["EvaluateStep", "TrainStep", "channels_last", "check_overrides", "prepare_batch", "resolve_precision"]
