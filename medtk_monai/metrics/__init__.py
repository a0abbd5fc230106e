"""Lesion-level evaluation: matching, FROC and average precision as functions, and a thin class that gathers cases."""

from medtk_monai.metrics.average_precision import average_precision, class_average_precisions, mean_average_precision
from medtk_monai.metrics.detection_metrics import DetectionMetrics
from medtk_monai.metrics.froc import STANDARD_FP_PER_CASE, FrocCurve, froc_curve, sensitivity_at
from medtk_monai.metrics.hits import CenterDistanceHit, CenterInBoxHit, Hit, IoUHit, MaskHit, RadiusHit
from medtk_monai.metrics.matching import UNMATCHED, CaseMatches, Outcome, Pairing, PooledMatches, match_detections, pool_matches

__all__ = [
    "STANDARD_FP_PER_CASE",
    "UNMATCHED",
    "CaseMatches",
    "CenterDistanceHit",
    "CenterInBoxHit",
    "DetectionMetrics",
    "FrocCurve",
    "Hit",
    "IoUHit",
    "MaskHit",
    "Outcome",
    "Pairing",
    "PooledMatches",
    "RadiusHit",
    "average_precision",
    "class_average_precisions",
    "froc_curve",
    "match_detections",
    "mean_average_precision",
    "pool_matches",
    "sensitivity_at",
]
