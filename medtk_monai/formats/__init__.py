"""Readers and writers of files other programs and people look at."""

from medtk_monai.formats.adam import read_adam, write_adam
from medtk_monai.formats.cases import case_prediction, detections_from_case, grid_of, in_space, make_case, voxel_boxes, world_boxes
from medtk_monai.formats.coco import read_coco, write_coco
from medtk_monai.formats.conversion import convert
from medtk_monai.formats.evaluation import write_froc_csv, write_metrics
from medtk_monai.formats.fidelity import find_losses
from medtk_monai.formats.format_table import FORMATS
from medtk_monai.formats.grand_challenge import read_points, write_points
from medtk_monai.formats.image_headers import read_grid
from medtk_monai.formats.label_map import read_label_map, write_label_map
from medtk_monai.formats.luna_csv import read_luna_csv, write_luna_csv
from medtk_monai.formats.nndetection import read_nndetection, write_nndetection
from medtk_monai.formats.predictions import read_predictions, write_predictions
from medtk_monai.formats.slicer_markups import read_slicer_markups, write_slicer_markups

__all__ = [
    "FORMATS",
    "case_prediction",
    "convert",
    "detections_from_case",
    "find_losses",
    "grid_of",
    "in_space",
    "make_case",
    "read_adam",
    "read_coco",
    "read_grid",
    "read_label_map",
    "read_luna_csv",
    "read_nndetection",
    "read_points",
    "read_predictions",
    "read_slicer_markups",
    "voxel_boxes",
    "world_boxes",
    "write_adam",
    "write_coco",
    "write_froc_csv",
    "write_label_map",
    "write_luna_csv",
    "write_metrics",
    "write_nndetection",
    "write_points",
    "write_predictions",
    "write_slicer_markups",
]
