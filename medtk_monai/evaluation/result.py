"""The result of an evaluation, and the files that tell it: the only place that writes them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.atomic import write_text_atomically
from medtk_monai.digests import values_sha256
from medtk_monai.evaluation.match_file import MATCH_TABLE, Entry, entries_of, write_matches
from medtk_monai.evaluation.matching import MatchedCase
from medtk_monai.evaluation.printed import csv_text
from medtk_monai.evaluation.truth import identify_truth
from medtk_monai.formats.evaluation import write_froc_csv, write_metrics
from medtk_monai.metrics import CaseMatches, Outcome
from medtk_monai.metrics.matching import UNMATCHED
from medtk_monai.metrics.summary import Summary
from medtk_monai.scores import SATURATED
from medtk_monai.visualize import plot_froc

METRICS = "metrics.json"
_ROW = ("case_id", "patient_id", "kind", "label", "score", "x", "y", "z", "size_mm", "object", "prior_id")


@dataclass(frozen=True)
class Evaluation:
    """An evaluation. What its summary knows is an attribute as well: ``evaluation.froc_mean.value``, ``.operating_points``, ``.curve``.

    Args:
        summary: all figures.
        matches: of each case.
        cases: with their findings.
    """

    summary: Summary
    matches: Sequence[CaseMatches]
    cases: Sequence[MatchedCase]

    def __getattr__(self, name: str) -> Any:
        if name == "summary" or name.startswith("__"):  # while it is unpickled there is no summary yet
            raise AttributeError(name)
        return getattr(self.summary, name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *dir(self.summary)]

    def to_dict(self) -> dict[str, Any]:
        """The content of metrics.json: that of the summary; ``truth``, by which evaluations on the same cases and objects are known; and
        ``matches_sha256``, by which match_table.json is."""
        truth = identify_truth([case.truth for case in self.cases])
        return self.summary.to_dict() | {"truth": truth, "matches_sha256": values_sha256(self._entries)}

    @property
    def _entries(self) -> list[Entry]:
        return entries_of(self.summary.table, [(case.truth.case_id, case.truth.patient) for case in self.cases])

    @property
    def metrics(self) -> dict[str, Any]:
        """See ``to_dict``."""
        return self.to_dict()

    def write(self, folder: str | os.PathLike) -> None:
        """Write metrics.json, froc.csv, froc.png, matches.csv, one row for each finding and each missed object, and match_table.json,
        from which comparisons are computed."""
        folder = Path(folder)
        write_matches(folder / MATCH_TABLE, self._entries)
        write_metrics(folder / METRICS, self.to_dict())
        write_froc_csv(folder / "froc.csv", self.summary.curve)
        plot_froc(self.summary, folder / "froc.png")
        rows = (row for case, match in zip(self.cases, self.matches) for row in _rows(case, match))
        write_text_atomically(folder / "matches.csv", csv_text(_ROW, rows))


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
        label, score = int(match.labels[index]), f"{match.scores[index]:.{17 if match.scores[index] > SATURATED else 9}g}"
        yield [*head, kind, label, score, *place, f"{sizes[index]:.4f}", number, "" if prior < 0 else prior]
    for index in np.flatnonzero(match.missed).tolist():
        place = [*(f"{value:.4f}" for value in truth.boxes.centers[index].tolist()), *[""] * (3 - dims)]
        size = float(truth.boxes.sizes[index].max())
        yield [*head, "missed", int(match.object_labels[index]), "", *place, f"{size:.4f}", index, ""]
