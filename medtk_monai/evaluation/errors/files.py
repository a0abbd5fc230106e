"""Where a detector fails, from its findings in files."""

from __future__ import annotations

from collections.abc import Sequence

from medtk_monai.evaluation.errors.analysis import Analysis, Questions, analyze_errors
from medtk_monai.evaluation.errors.detector import noted_margins, read_detector_parts
from medtk_monai.evaluation.errors.seen_images import see_images
from medtk_monai.evaluation.matching import join_cases
from medtk_monai.evaluation.truth import TruthCase
from medtk_monai.formats.cases import Case
from medtk_monai.metrics import Bootstrap
from medtk_monai.metrics.rules import Rules
from medtk_monai.model import ModelSource


def analyze_files(
    predictions: Sequence[Case],
    truths: Sequence[TruthCase],
    rules: Rules | None = None,
    questions: Questions | None = None,
    detector: ModelSource | None = None,
    source: str = "the predictions",
    allow_missing: bool = False,
    draws: Bootstrap | None = None,
) -> Analysis:
    """Sort the errors of findings, and tell what mending each kind would gain.

    Args:
        predictions: cases, as ``read_predictions`` and ``read_cases`` give them.
        truths: see ``read_truth``.
        rules: how to count; those of the preset "medtk" unless given.
        questions: what is asked.
        detector: that made the findings; adds levels and sizes of priors, seams of windows, and how objects are assigned in training.
        source: of the predictions, named in errors.
        allow_missing: cases without predictions count as cases without findings.
        draws: of the bootstrap; 1000 unless given.

    Raises:
        DataError: predictions and truth do not fit together, or do not come from this detector.
    """
    asked, drawn = questions or Questions(), draws or Bootstrap(1000)
    cases = join_cases(predictions, truths, source, allow_missing)
    parts = read_detector_parts(detector) if detector else None
    seen = see_images(cases, parts, noted_margins(predictions)) if parts else None
    return analyze_errors(cases, rules or Rules(), asked, drawn.draws, drawn.seed, seen)
