"""Functions that let MONAI's SupervisedTrainer and SupervisedEvaluator run a detector."""

from medtk_monai.engines.steps import evaluate_step, prepare_batch, train_step

__all__ = ["evaluate_step", "prepare_batch", "train_step"]
