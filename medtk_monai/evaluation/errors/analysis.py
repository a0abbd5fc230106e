"""Where a detector fails: kinds of errors, what mending them would gain, strata, and how far scores are probabilities."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from math import inf
from pathlib import Path
from typing import Any

import torch

from medtk_monai.atomic import write_text_atomically
from medtk_monai.detectors.coverage import ENOUGH
from medtk_monai.errors import DataError
from medtk_monai.evaluation.errors.gains import gains_if_mended
from medtk_monai.evaluation.errors.kinds import CaseErrors, sort_errors
from medtk_monai.evaluation.errors.row_strata import RowStrata, class_confusion
from medtk_monai.evaluation.errors.rows import Row, as_csv, case_rows
from medtk_monai.evaluation.errors.seen_images import ASSIGNED, ORIGIN, SeenImage
from medtk_monai.evaluation.errors.strata import calibration, strata_by_column, strata_by_size
from medtk_monai.evaluation.evaluate import table_of
from medtk_monai.evaluation.matching import MatchedCase, match_all
from medtk_monai.evaluation.truth import TruthCase
from medtk_monai.formats.evaluation import write_metrics
from medtk_monai.metrics.resampling import bootstrap_weights
from medtk_monai.metrics.rules import Rules
from medtk_monai.metrics.thresholds import operating_point, threshold_for_fp, typed_threshold

_PLACE = ("x", "y", "z", "size_mm", "border_mm")
_LESION = ("case_id", "patient_id", "object", "label", "kind", *_PLACE, "found_score", "near_score", "other_class_score")
_ALARM = ("case_id", "patient_id", "kind", "label", "score", *_PLACE, "object", "object_label")
_PAIR = ("iou", "distance_mm", "prior_id")
_SEEN = (*ORIGIN, "seam_mm")


@dataclass(frozen=True)
class Questions:
    """What an analysis asks for.

    Args:
        threshold: scores of at least this much are reported; None for the lowest with at most ``fp_per_case``.
        fp_per_case: false positives per case.
        by: columns of the datalist to group cases by.
        size_edges: between bins of the lesions' longest sides, mm.
        reach: how far from an object, in its longest sides, a detection that misses it is a poor localization.
        intensity: read each image, and tell its mean in each box.
        near_mm: centers nearer than this to a seam of windows, or to the border of the scan, are a stratum.
    """

    threshold: float | None = None
    fp_per_case: float = 1.0
    by: Sequence[str] = ()
    size_edges: Sequence[float] = (3.0, 5.0, 7.0, 10.0)
    reach: float = 1.0
    intensity: bool = False
    near_mm: float = 8.0

    def __post_init__(self) -> None:
        edges = list(self.size_edges)
        if edges != sorted(set(edges)) or min(edges, default=1.0) <= 0:
            raise DataError(f"edges of sizes are {', '.join(f'{edge:g}' for edge in edges)}", remedy="give positive mm, ascending")
        if not 0 < self.near_mm < inf:
            raise DataError(f"{self.near_mm:g} mm is not near", remedy="give positive mm to near_mm")
        if not self.fp_per_case >= 0 or not self.reach >= 0:
            raise DataError("false positives per case and reach cannot be negative", remedy="correct them")


@dataclass(frozen=True)
class Analysis:
    """An analysis, ready to be written.

    Args:
        summary: figures, gains, strata, calibration.
        lesions: a row for each lesion that counts.
        false_positives: a row for each from the threshold on.
        columns: names of the columns of both.
    """

    summary: dict[str, Any]
    lesions: Sequence[Row]
    false_positives: Sequence[Row]
    columns: tuple[Sequence[str], Sequence[str]]

    def write(self, folder: str | os.PathLike) -> None:
        """Write analysis.json, lesions.csv and false_positives.csv."""
        folder = Path(folder)
        write_metrics(folder / "analysis.json", self.summary)
        write_text_atomically(folder / "lesions.csv", as_csv(self.lesions, self.columns[0]))
        write_text_atomically(folder / "false_positives.csv", as_csv(self.false_positives, self.columns[1]))


def analyze_errors(
    cases: Sequence[MatchedCase],
    rules: Rules | None = None,
    questions: Questions | None = None,
    num_draws: int = 1000,
    seed: int = 0,
    seen: Sequence[SeenImage] | None = None,
) -> Analysis:
    """Analyze the errors of findings, see ``sort_errors``, ``gains_if_mended``, ``strata_by_size`` and ``calibration``.

    Args:
        cases: see ``join_cases``.
        rules: how to count; those of the preset "medtk" unless given.
        num_draws: of the bootstrap; 0 for no intervals.
        seed: of the bootstrap.
        seen: the image of each case as the network saw it, see ``see_images``; adds columns and strata.

    Raises:
        DataError: a column is unknown, an image cannot be read, a prior lies outside its grid, or the rules ask for masks that are not
            there.
    """
    rules, asked = rules or Rules(), questions or Questions()
    matches = match_all(cases, rules)
    table = table_of(cases, matches)
    weights = bootstrap_weights(table, num_draws, seed)
    threshold = threshold_for_fp(table, asked.fp_per_case) if asked.threshold is None else typed_threshold(asked.threshold)
    errors = [sort_errors(case, match, rules.hit, threshold, asked.reach) for case, match in zip(cases, matches)]
    point = operating_point(table, threshold, rules.beta, weights)
    strata = {name: strata_by_column(errors, table, name, weights) for name in asked.by}
    gains = gains_if_mended(errors, rules, threshold)
    lesions, alarms, columns = _rows(errors, asked, seen)
    rows = RowStrata(lesions, alarms, [case.truth.case_id for case in cases], table, weights)
    summary = {
        "num_cases": table.num_cases,
        "num_patients": int(table.patients.max(initial=-1)) + 1,
        "num_lesions": int(table.lesions.sum()),
        "hit": rules.hit_name,
        "rules": rules.to_dict(),
        "reach": asked.reach,
        "bootstrap": {"draws": num_draws, "seed": seed, "level": 0.95, "unit": "patient"},
        "operating_point": point.to_dict(num_draws > 0),
        **gains,
        "by_size_mm": strata_by_size(errors, table, asked.size_edges, weights),
        "by_column": strata,
        **_places(rows, asked, seen),
        "class_confusion": class_confusion(errors),
        "calibration": calibration(errors),
    }
    return Analysis(summary, lesions, alarms, columns)


def _places(rows: RowStrata, asked: Questions, seen: Sequence[SeenImage] | None) -> dict[str, Any]:
    """Strata by place, intensity and level."""
    strata: dict[str, Any] = {"by_border_mm": rows.by_number("border_mm", [asked.near_mm])}
    if asked.intensity:
        strata["by_intensity"] = rows.by_quartile("intensity")
    if seen:
        strata |= {
            "by_seam_mm": _by_seam(rows, seen, asked.near_mm),
            "by_num_positives": rows.by_number("num_positives", [1, ENOUGH], with_alarms=False),
            "by_level": rows.by_level(len(seen[0].generator.strides)),
        }
    return strata


def _by_seam(rows: RowStrata, seen: Sequence[SeenImage], near: float) -> list[dict[str, Any]]:
    """With the share of a mean image, which false positives that know of no seams would share."""
    has_seams = [image.seam_distances(image.affine[None, :-1, -1])[0] is not None for image in seen]
    shares = [image.share_near_seams(near) for image in seen]
    of_images = [sum(shares), sum(has_seams) - sum(shares), len(seen) - sum(has_seams)]
    return [row | {"image_share": share / len(seen)} for row, share in zip(rows.by_number("seam_mm", [near]), of_images)]


def _rows(
    errors: Sequence[CaseErrors], asked: Questions, seen: Sequence[SeenImage] | None
) -> tuple[list[Row], list[Row], tuple[Sequence[str], Sequence[str]]]:
    lesions: list[Row] = []
    alarms: list[Row] = []
    for part, image in zip_longest(errors, seen or ()):
        values = {name: part.case.truth.columns.get(name) for name in asked.by}
        for rows, found in zip((lesions, alarms), case_rows(part, image, asked.intensity)):
            rows += [values | row for row in found]
    last = [*_PAIR, *(_SEEN if seen else ()), *(["intensity"] if asked.intensity else []), *asked.by]
    return lesions, alarms, ([*_LESION, *(ASSIGNED if seen else ()), *last], [*_ALARM, *last])


def ignore_outside(truths: Sequence[TruthCase], min_mm: float = 0.0, max_mm: float | None = None) -> list[TruthCase]:
    """The truth with objects ignored whose longest side is below ``min_mm`` or above ``max_mm``."""
    largest = inf if max_mm is None else max_mm

    def outside(truth: TruthCase) -> torch.Tensor:
        sides = truth.boxes.sizes.amax(dim=1)
        return (sides < min_mm - 1e-6) | (sides > largest + 1e-6)

    return [replace(truth, ignored=truth.ignored | outside(truth)) for truth in truths]
