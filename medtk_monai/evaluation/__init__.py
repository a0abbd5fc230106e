"""Evaluation of findings in files: predictions against the objects of a datalist."""

from medtk_monai.evaluation.compare import compare_evaluations, compare_files
from medtk_monai.evaluation.evaluate import evaluate_files
from medtk_monai.evaluation.result import Evaluation
from medtk_monai.evaluation.truth import TruthCase, read_truth

__all__ = ["Evaluation", "TruthCase", "compare_evaluations", "compare_files", "evaluate_files", "read_truth"]
