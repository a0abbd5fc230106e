"""Cross-validation: trainings of all folds, what they find in the cases they have not learnt, and their ensemble."""

from medtk_monai.crossval.collect import Collection, collect
from medtk_monai.crossval.folds import BEST, LAST, CrossValidation
from medtk_monai.crossval.out_of_fold import OutOfFold, look_out_of_fold
from medtk_monai.crossval.training import train_folds

__all__ = ["BEST", "LAST", "Collection", "CrossValidation", "OutOfFold", "collect", "look_out_of_fold", "train_folds"]
