"""Adapters of our parts to Ignite's events."""

from medtk_monai.handlers.averaged_network import AveragedNetwork
from medtk_monai.handlers.checkpoints import Checkpoints
from medtk_monai.handlers.detection_metric import DetectionMetric, key_metric
from medtk_monai.handlers.early_stop import EarlyStop
from medtk_monai.handlers.epoch_setter import EpochSetter
from medtk_monai.handlers.evaluation_report import EvaluationReport
from medtk_monai.handlers.progress import EvaluationProgress, TrainingProgress, tensorboard_values
from medtk_monai.handlers.run_capsule import RunCapsule
from medtk_monai.handlers.share_buffers import ShareBuffers
from medtk_monai.handlers.step_times import StepTimes
from medtk_monai.handlers.validation_figures import ValidationFigures

__all__ = [
    "AveragedNetwork",
    "Checkpoints",
    "DetectionMetric",
    "EarlyStop",
    "EpochSetter",
    "EvaluationProgress",
    "EvaluationReport",
    "RunCapsule",
    "ShareBuffers",
    "StepTimes",
    "TrainingProgress",
    "ValidationFigures",
    "key_metric",
    "tensorboard_values",
]
