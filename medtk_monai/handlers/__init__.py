"""Adapters of our parts to Ignite's events."""

from medtk_monai.handlers.checkpoints import Checkpoints
from medtk_monai.handlers.detection_metric import DetectionMetric
from medtk_monai.handlers.epoch_setter import EpochSetter
from medtk_monai.handlers.evaluation_report import EvaluationReport
from medtk_monai.handlers.progress import EvaluationProgress, TrainingProgress, tensorboard_values

__all__ = [
    "Checkpoints",
    "DetectionMetric",
    "EpochSetter",
    "EvaluationProgress",
    "EvaluationReport",
    "TrainingProgress",
    "tensorboard_values",
]
