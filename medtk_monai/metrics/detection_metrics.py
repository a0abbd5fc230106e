"""Lesion-level metrics, gathered case by case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

from medtk_monai.errors import DataError
from medtk_monai.metrics.average_precision import AP_IOUS
from medtk_monai.metrics.froc import FrocCurve
from medtk_monai.metrics.hits import Hit, IoUHit, region_masks
from medtk_monai.metrics.match_table import MatchTable, tabulate
from medtk_monai.metrics.matching import CaseMatches, match_detections
from medtk_monai.metrics.resampling import NO_BOOTSTRAP, Bootstrap
from medtk_monai.metrics.rules import Rules
from medtk_monai.metrics.summary import Summary, summarize
from medtk_monai.metrics.thresholds import Wanted
from medtk_monai.structures import Detections, Target

USUAL_HIT = IoUHit(0.1)
ONE_FP_PER_CASE = Wanted((1.0,))


class DetectionMetrics:
    """FROC and average precision over the cases seen since the last reset.

    Matching is class-aware; FROC pools the classes, average precision is a mean over the classes that have objects.

    Args:
        hit: the hit rule of FROC, of the counts and of ``ap``.
        num_classes: C; labels are 0 to C - 1.
        ap_iou_thresholds: IoU thresholds at which average precision is reported as well.
    """

    def __init__(self, hit: Hit = USUAL_HIT, num_classes: int = 1, ap_iou_thresholds: Sequence[float] = AP_IOUS):
        self.hit = hit
        self.num_classes = num_classes
        self.ap_hits = tuple(IoUHit(threshold) for threshold in ap_iou_thresholds)
        self._cases: list[tuple[CaseMatches, ...]] = []

    def reset(self) -> None:
        """Forget all cases."""
        self._cases = []

    def update(self, detections: Detections, target: Target, case_id: str = "", spacing: float | Sequence[float] = 1.0) -> CaseMatches:
        """Match one case and remember the result.

        Args:
            detections: all detections of the case.
            target: its objects, ignored ones included.
            case_id: named in errors.
            spacing: unit of the boxes per voxel of the target's region, of whose masks ignored objects excuse findings.

        Returns:
            The matches at the hit rule.

        Raises:
            DataError: a label outside 0 to C - 1, or a score or box that is not finite.
        """
        self._check_labels(detections.labels, "a detection", case_id)
        self._check_labels(target.labels[~target.ignored], "an object", case_id)
        masks = region_masks(target, spacing)
        matches = tuple(match_detections(detections, target, hit, case_id, masks=masks) for hit in (self.hit, *self.ap_hits))
        self._cases.append(matches)
        return matches[0]

    def _check_labels(self, labels: Tensor, what: str, case_id: str) -> None:
        if ((labels < 0) | (labels >= self.num_classes)).any():
            remedy = f"labels must be 0 to {self.num_classes - 1}; set num_classes to the number of classes"
            raise DataError(f"{what} has a label between {labels.min().item()} and {labels.max().item()}", case_id, remedy)

    @property
    def state(self) -> list[tuple[CaseMatches, ...]]:
        """One entry per case, picklable: gather it from all processes, then ``reset`` and ``merge`` each."""
        return list(self._cases)

    def merge(self, state: Iterable[tuple[CaseMatches, ...]]) -> None:
        """Add the cases of another object's ``state``, which must have been built with the same arguments."""
        self._cases.extend(state)

    def tables(self, patients: Sequence[str] | None = None) -> tuple[MatchTable, dict[float, MatchTable]]:
        """The matches at the hit rule, and at each IoU threshold, as tables.

        Args:
            patients: of each case; None where each is a patient of its own.

        Raises:
            DataError: there are no cases.
        """
        if not self._cases:
            raise DataError("there are no cases to evaluate", remedy="check that the list of cases is not empty")
        first, *rest = (tabulate(matches, self.num_classes, patients) for matches in zip(*self._cases))
        return first, {hit.threshold: table for hit, table in zip(self.ap_hits, rest)}

    def summary(
        self, patients: Sequence[str] | None = None, bootstrap: Bootstrap = NO_BOOTSTRAP, wanted: Wanted = ONE_FP_PER_CASE
    ) -> Summary:
        """All figures, as an object.

        Args:
            patients: of each case; None where each is a patient of its own.
            wanted: operating points to tell of.

        Raises:
            DataError: there are no cases.
        """
        table, at_iou = self.tables(patients)
        return summarize(table, self.rules, at_iou, bootstrap, wanted.by_name(table))

    def curve(self) -> FrocCurve:
        """The whole FROC curve at the hit rule, for plots and tables.

        Raises:
            DataError: there are no cases.
        """
        return self.summary(wanted=Wanted(())).curve

    def compute(self) -> dict[str, Any]:
        """All metrics as plain numbers, those of ``summary`` without intervals and operating points.

        Raises:
            DataError: there are no cases.
        """
        return self.summary(wanted=Wanted(())).to_dict()

    @property
    def rules(self) -> Rules:
        """How it counts."""
        return Rules(self.hit)
