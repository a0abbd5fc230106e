"""Readers and writers of files other programs and people look at."""

from medtk_monai.formats.evaluation import format_froc_table, write_froc_csv, write_metrics
from medtk_monai.formats.predictions import case_prediction, detections_from_case, read_predictions, write_predictions

__all__ = [
    "case_prediction",
    "detections_from_case",
    "format_froc_table",
    "read_predictions",
    "write_froc_csv",
    "write_metrics",
    "write_predictions",
]
