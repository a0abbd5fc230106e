"""The figures of findings in files, and the files that tell them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.atomic import write_text_atomically
from medtk_monai.errors import DataError, existing_file
from medtk_monai.evaluation.matching import MatchedCase, join_cases, match_all
from medtk_monai.evaluation.printed import csv_text
from medtk_monai.evaluation.truth import TruthCase
from medtk_monai.formats.cases import Case
from medtk_monai.formats.evaluation import write_froc_csv, write_metrics
from medtk_monai.metrics import CaseMatches, FrocCurve, IoUHit, Outcome
from medtk_monai.metrics.match_table import MatchTable, tabulate
from medtk_monai.metrics.matching import ONE_TO_ONE, UNMATCHED
from medtk_monai.metrics.rules import Rules
from medtk_monai.metrics.summary import Band, assess, curve_of, threshold_for_fp, threshold_for_sensitivity
from medtk_monai.visualize import plot_froc

AP_IOU_THRESHOLDS = (0.1, 0.5, 0.75)
_ROW = ("case_id", "patient_id", "kind", "label", "score", "x", "y", "z", "size_mm", "object", "prior_id")


@dataclass(frozen=True)
class Wanted:
    """The operating points to tell of.

    Args:
        fp_per_case: thresholds with at most so many false positives per case.
        sensitivities: thresholds that find at least these shares of the lesions.
        thresholds: as they are, by name: those of a validation, say.
    """

    fp_per_case: Sequence[float] = (1.0,)
    sensitivities: Sequence[float] = ()
    thresholds: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Evaluation:
    """An evaluation, ready to be written.

    Args:
        cases: with their findings.
        matches: of each case.
        table: of all matches.
        metrics: see ``summarize``; ``operating_points`` by name besides.
        curve: FROC, all operating points.
        band: the interval of the curve.
    """

    cases: Sequence[MatchedCase]
    matches: Sequence[CaseMatches]
    table: MatchTable
    metrics: dict[str, Any]
    curve: FrocCurve
    band: Band

    def write(self, folder: str | os.PathLike) -> None:
        """Write metrics.json, froc.csv, froc.png and matches.csv, one row for each finding and each missed object."""
        folder = Path(folder)
        write_metrics(folder / "metrics.json", self.metrics)
        write_froc_csv(folder / "froc.csv", self.curve)
        plot_froc(self.curve, self.metrics, folder / "froc.png", self.band)
        rows = (row for case, match in zip(self.cases, self.matches) for row in _rows(case, match))
        write_text_atomically(folder / "matches.csv", csv_text(_ROW, rows))


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
    at_iou = {iou: _table_at_iou(cases, table, iou, rules) for iou in AP_IOU_THRESHOLDS}
    metrics, band = assess(table, rules, at_iou, _thresholds(table, wanted), num_draws, seed)
    return Evaluation(cases, matches, table, metrics, curve_of(table), band)


def table_of(cases: Sequence[MatchedCase], matches: Sequence[CaseMatches], num_classes: int | None = None) -> MatchTable:
    """The table of matches, with all classes that occur unless their number is given."""
    labels = [label for match in matches for part in (match.labels, match.object_labels) for label in part.tolist()]
    return tabulate(matches, num_classes or max(labels, default=0) + 1, [case.truth.patient for case in cases])


def _table_at_iou(cases: Sequence[MatchedCase], table: MatchTable, iou: float, rules: Rules) -> MatchTable:
    """The table of matches one to one at an IoU: ``table`` itself where the rules are just these."""
    if (rules.hit, rules.pairing) == (IoUHit(iou), ONE_TO_ONE):
        return table
    return table_of(cases, [case.match(IoUHit(iou), ONE_TO_ONE) for case in cases])


def read_operating_points(path: str | os.PathLike, source: str | None = None) -> dict[str, dict[str, Any]]:
    """The operating points in a metrics.json, of a validation say, by name; their thresholds are numbers, infinite where out of reach.

    Args:
        source: part of their names; that of the folder unless given.

    Raises:
        DataError: the file is no metrics.json with operating points.
    """
    existing_file(Path(path), "give the metrics.json of an evaluation")
    try:
        points = json.loads(Path(path).read_text(encoding="utf-8"))["operating_points"]
        folder = source or Path(path).parent.name or path
        return {f"{name}, from {folder}": point | {"threshold": _threshold(point["threshold"])} for name, point in points.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} has no operating points", remedy="give the metrics.json of an evaluation by medtk evaluate") from error


def _threshold(value: float | None) -> float:
    return float("inf") if value is None else float(value)


def _thresholds(table: MatchTable, wanted: Wanted) -> dict[str, float]:
    return (
        {f"{rate:g} FP per case": threshold_for_fp(table, rate) for rate in wanted.fp_per_case}
        | {f"sensitivity {share:g}": threshold_for_sensitivity(table, share) for share in wanted.sensitivities}
        | dict(wanted.thresholds or {})
    )


def _rows(case: MatchedCase, match: CaseMatches) -> Iterator[list[Any]]:
    """Findings, best first, then missed objects; centers are those of the frame turned back to RAS mm."""
    truth, dims = case.truth, case.target.boxes.shape[1] // 2
    head = [truth.case_id, truth.patient]
    lower, upper = case.detections.boxes.split(dims, dim=1)
    sizes = (upper - lower).amax(dim=1).tolist() if len(lower) else []
    centers = case.world_centers.tolist()
    for index in np.argsort(-match.scores, kind="stable").tolist():
        found = int(match.objects[index])
        kind = Outcome(match.outcomes[index]).name.lower().replace("_", " ")
        place = [*(f"{value:.4f}" for value in centers[index]), *[""] * (3 - dims)]
        number = "" if found == UNMATCHED else found
        prior = int(case.detections.prior_ids[index])
        label, score = int(match.labels[index]), f"{match.scores[index]:.9g}"
        yield [*head, kind, label, score, *place, f"{sizes[index]:.4f}", number, "" if prior < 0 else prior]
    for index in np.flatnonzero(match.missed).tolist():
        place = [*(f"{value:.4f}" for value in truth.boxes.centers[index].tolist()), *[""] * (3 - dims)]
        size = float(truth.boxes.sizes[index].max())
        yield [*head, "missed", int(match.object_labels[index]), "", *place, f"{size:.4f}", index, ""]
