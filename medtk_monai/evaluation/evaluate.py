"""Findings in files against the objects of a datalist."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from medtk_monai.errors import DataError, existing_file
from medtk_monai.evaluation.matching import MatchedCase, join_cases, match_all
from medtk_monai.evaluation.result import Evaluation
from medtk_monai.evaluation.truth import TruthCase
from medtk_monai.formats.cases import Case
from medtk_monai.formats.predictions import OPERATING_POINTS
from medtk_monai.json_files import read_json
from medtk_monai.metrics import CaseMatches, IoUHit
from medtk_monai.metrics.average_precision import AP_IOUS
from medtk_monai.metrics.excuse import COVER
from medtk_monai.metrics.match_table import MatchTable, tabulate
from medtk_monai.metrics.matching import ONE_TO_ONE
from medtk_monai.metrics.resampling import Bootstrap
from medtk_monai.metrics.rules import Rules
from medtk_monai.metrics.summary import summarize
from medtk_monai.metrics.thresholds import OperatingPoint, Wanted

MOST_CLASSES = 10_000
"""Figures are told of every class up to the largest label."""
_METRICS = "give the metrics.json of an evaluation by medtk evaluate"


def evaluate_files(
    predictions: Sequence[Case],
    truths: Sequence[TruthCase],
    rules: Rules | None = None,
    wanted: Wanted | None = None,
    source: str = "the predictions",
    allow_missing: bool = False,
    num_draws: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Evaluate findings against the objects of a datalist.

    Args:
        predictions: cases, as ``read_predictions`` and ``read_cases`` give them.
        truths: see ``read_truth``.
        rules: how to count; those of the preset "medtk" unless given.
        wanted: operating points to tell of.
        source: of the predictions, named in errors.
        allow_missing: cases without predictions count as cases without findings.
        num_draws: of the bootstrap; 0 for no intervals.
        seed: of the bootstrap.

    Raises:
        DataError: predictions and truth do not fit together, or the rules ask for masks that are not there.
    """
    rules, wanted = rules or Rules(), wanted or Wanted()
    cases = join_cases(predictions, truths, source, allow_missing)
    matches = match_all(cases, rules)
    table = table_of(cases, matches)
    at_iou = {iou: _table_at_iou(cases, table, iou, rules) for iou in AP_IOUS}
    return Evaluation(summarize(table, rules, at_iou, Bootstrap(num_draws, seed), wanted.by_name(table)), matches, cases)


def table_of(cases: Sequence[MatchedCase], matches: Sequence[CaseMatches], num_classes: int | None = None) -> MatchTable:
    """The table of matches, with all classes that occur unless their number is given.

    Raises:
        DataError: a label is no class number, as figures are told of each class below it.
    """
    labels = [int(part.max()) for match in matches for part in (match.labels, match.object_labels) if len(part)]
    count = num_classes or max(labels, default=0) + 1
    if count > MOST_CLASSES:
        raise DataError(f"label {count - 1} is no class number: there are {MOST_CLASSES} at most", remedy="count classes 0, 1, 2, ...")
    return tabulate(matches, count, [case.truth.patient for case in cases])


def _table_at_iou(cases: Sequence[MatchedCase], table: MatchTable, iou: float, rules: Rules) -> MatchTable:
    """The table of matches one to one at an IoU, crowds as in COCO: ``table`` itself where the rules are just these."""
    if (rules.hit, rules.pairing, rules.excuse) == (IoUHit(iou), ONE_TO_ONE, COVER):
        return table
    return table_of(cases, [case.match(IoUHit(iou), ONE_TO_ONE) for case in cases])


def operating_points_beside(predictions: str | os.PathLike) -> tuple[str, str] | None:
    """The file of the thresholds that a model has left beside its findings, and the name of the model; None if there is none.

    Raises:
        DataError: the file is broken.
    """
    place = Path(predictions)
    path = (place if place.is_dir() else place.parent) / OPERATING_POINTS
    if not path.is_file():
        return None
    content = read_json(path, "remove it, or give others by --thresholds_from")
    return str(path), str(content.get("model") if isinstance(content, dict) else "") or "the model"


def read_operating_points(path: str | os.PathLike, source: str | None = None) -> dict[str, OperatingPoint]:
    """The operating points in a metrics.json, of a validation say, by name.

    Args:
        source: part of their names; that of the folder unless given.

    Raises:
        DataError: the file is no metrics.json with operating points.
    """
    content = read_json(existing_file(Path(path), _METRICS), _METRICS, dict)
    try:
        points = content["operating_points"]
        folder = source or Path(path).parent.name or path
        return {f"{name}, from {folder}": OperatingPoint.read(point) for name, point in points.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} has no operating points", remedy=_METRICS) from error
