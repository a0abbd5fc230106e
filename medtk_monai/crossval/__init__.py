"""Cross-validation: trainings of all folds, what they find in the cases they have not learnt, and their ensemble."""

from medtk_monai.crossval.collect import Collection, collect
from medtk_monai.crossval.folds import BEST, LAST, CrossValidation
from medtk_monai.crossval.out_of_fold import OutOfFold, look_out_of_fold
from medtk_monai.crossval.training import train_folds
from medtk_monai.crossval.validate import Collected, collect_folds, cross_validate, train_all

__all__ = [
    "BEST",
    "LAST",
    "Collected",
    "Collection",
    "CrossValidation",
    "OutOfFold",
    "collect",
    "collect_folds",
    "cross_validate",
    "look_out_of_fold",
    "train_all",
    "train_folds",
]
