"""Readers and writers of files other programs and people look at."""

from medtk_monai.formats.cases import case_prediction, detections_from_case, grid_of, in_space, make_case, voxel_boxes, world_boxes
from medtk_monai.formats.evaluation import format_froc_table, write_froc_csv, write_metrics
from medtk_monai.formats.predictions import read_predictions, write_predictions

__all__ = [
    "case_prediction",
    "detections_from_case",
    "format_froc_table",
    "grid_of",
    "in_space",
    "make_case",
    "read_predictions",
    "voxel_boxes",
    "world_boxes",
    "write_froc_csv",
    "write_metrics",
    "write_predictions",
]
