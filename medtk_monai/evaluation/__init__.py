"""Evaluation of findings in files: predictions against the objects of a datalist."""

from medtk_monai.evaluation.compare import compare_files
from medtk_monai.evaluation.evaluate import Evaluation, evaluate_files
from medtk_monai.evaluation.truth import TruthCase, read_truth

__all__ = ["Evaluation", "TruthCase", "compare_files", "evaluate_files", "read_truth"]
