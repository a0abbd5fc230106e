"""Lesion-level evaluation: matching, FROC and average precision as functions, and a thin class that gathers cases."""

from medtk_monai.metrics.average_precision import AP_IOUS, average_precision
from medtk_monai.metrics.detection_metrics import DetectionMetrics
from medtk_monai.metrics.excuse import Cover
from medtk_monai.metrics.figures import FIGURES, Figure, Trait, figures_of
from medtk_monai.metrics.froc import STANDARD_FP_PER_CASE, FrocCurve, froc_curve, sensitivity_at
from medtk_monai.metrics.goal import Goal, parse_goal
from medtk_monai.metrics.hits import CenterDistanceHit, CenterInBoxHit, Hit, IoUHit, MaskHit, RadiusHit
from medtk_monai.metrics.match_table import MatchTable, tabulate
from medtk_monai.metrics.matching import UNMATCHED, CaseMatches, Outcome, Pairing, PooledMatches, match_detections, pool_matches
from medtk_monai.metrics.resampling import NO_BOOTSTRAP, Bootstrap, Comparison, Interval, bootstrap_weights, compare, intervals
from medtk_monai.metrics.rules import PRESETS, Rules, parse_rules
from medtk_monai.metrics.summary import FrocPoints, Summary, summarize
from medtk_monai.metrics.thresholds import OperatingPoint, Wanted, operating_point, threshold_for_fp, threshold_for_sensitivity
from medtk_monai.metrics.weighted import (
    average_precisions,
    average_precisions_step,
    case_aurocs,
    counts_at,
    froc_sensitivities,
    picai_scores,
)

__all__ = [
    "AP_IOUS",
    "FIGURES",
    "NO_BOOTSTRAP",
    "PRESETS",
    "STANDARD_FP_PER_CASE",
    "UNMATCHED",
    "Bootstrap",
    "CaseMatches",
    "CenterDistanceHit",
    "CenterInBoxHit",
    "Comparison",
    "Cover",
    "DetectionMetrics",
    "Figure",
    "FrocCurve",
    "FrocPoints",
    "Goal",
    "Hit",
    "Interval",
    "IoUHit",
    "MaskHit",
    "MatchTable",
    "OperatingPoint",
    "Outcome",
    "Pairing",
    "PooledMatches",
    "RadiusHit",
    "Rules",
    "Summary",
    "Trait",
    "Wanted",
    "average_precision",
    "average_precisions",
    "average_precisions_step",
    "bootstrap_weights",
    "case_aurocs",
    "compare",
    "counts_at",
    "figures_of",
    "froc_curve",
    "froc_sensitivities",
    "intervals",
    "match_detections",
    "operating_point",
    "parse_goal",
    "parse_rules",
    "picai_scores",
    "pool_matches",
    "sensitivity_at",
    "summarize",
    "tabulate",
    "threshold_for_fp",
    "threshold_for_sensitivity",
]
