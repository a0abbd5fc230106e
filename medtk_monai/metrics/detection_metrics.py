"""Lesion-level metrics, gathered case by case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan
from typing import Any

import numpy as np
from torch import Tensor

from medtk_monai.errors import DataError
from medtk_monai.metrics.average_precision import class_average_precisions, mean_average_precision
from medtk_monai.metrics.froc import STANDARD_FP_PER_CASE, FrocCurve, froc_curve, sensitivity_at
from medtk_monai.metrics.hits import Hit, IoUHit
from medtk_monai.metrics.matching import CaseMatches, PooledMatches, match_detections, pool_matches
from medtk_monai.structures import Detections, Target

USUAL_HIT = IoUHit(0.1)


class DetectionMetrics:
    """FROC and average precision over the cases seen since the last reset.

    Matching is class-aware; FROC pools the classes, average precision is a mean over the classes that have objects.

    Args:
        hit: the hit rule of FROC, of the counts and of ``ap``.
        num_classes: C; labels are 0 to C - 1.
        ap_iou_thresholds: IoU thresholds at which average precision is reported as well.
    """

    def __init__(self, hit: Hit = USUAL_HIT, num_classes: int = 1, ap_iou_thresholds: Sequence[float] = (0.1, 0.5, 0.75)):
        self.hit = hit
        self.num_classes = num_classes
        self.ap_hits = tuple(IoUHit(threshold) for threshold in ap_iou_thresholds)
        self._cases: list[tuple[CaseMatches, ...]] = []

    def reset(self) -> None:
        """Forget all cases."""
        self._cases = []

    def update(self, detections: Detections, target: Target, case_id: str = "") -> CaseMatches:
        """Match one case and remember the result.

        Args:
            detections: all detections of the case.
            target: its objects, ignored ones included.
            case_id: named in errors.

        Returns:
            The matches at the hit rule.

        Raises:
            DataError: a label outside 0 to C - 1, or a score or box that is not finite.
        """
        self._check_labels(detections.labels, "a detection", case_id)
        self._check_labels(target.labels[~target.ignored], "an object", case_id)
        matches = tuple(match_detections(detections, target, hit, case_id) for hit in (self.hit, *self.ap_hits))
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

    def curve(self) -> FrocCurve:
        """The whole FROC curve at the hit rule, for plots and tables.

        Raises:
            DataError: there are no cases.
        """
        pooled = self._pooled(0)
        return froc_curve(pooled.scores, pooled.is_tp, int(pooled.num_objects.sum()), pooled.num_cases)

    def compute(self) -> dict[str, Any]:
        """All metrics as plain numbers, ready for JSON; None stands for a value that is undefined for want of lesions.

        Raises:
            DataError: there are no cases.
        """
        pooled = self._pooled(0)
        sensitivity = sensitivity_at(self.curve(), STANDARD_FP_PER_CASE)
        per_class = class_average_precisions(pooled)
        per_iou = [mean_average_precision(class_average_precisions(self._pooled(i + 1))) for i in range(len(self.ap_hits))]
        return {
            "num_cases": pooled.num_cases,
            "num_lesions": int(pooled.num_objects.sum()),
            "num_detections": len(pooled.scores),
            "hit": self.hit.name,
            "froc": {
                "fp_per_case": list(STANDARD_FP_PER_CASE),
                "sensitivity": [_plain(value) for value in sensitivity],
                "mean": _plain(np.mean(sensitivity)),
            },
            "ap": _plain(mean_average_precision(per_class)),
            "ap_per_iou": {f"{hit.threshold:g}": _plain(ap) for hit, ap in zip(self.ap_hits, per_iou)},
            "per_class": [
                {"label": label, "num_lesions": int(count), "ap": _plain(ap)}
                for label, (count, ap) in enumerate(zip(pooled.num_objects, per_class))
            ],
        }

    def _pooled(self, rule: int) -> PooledMatches:
        """All cases at one of the hit rules: 0 for ``hit``, 1 and on for the IoU thresholds."""
        if not self._cases:
            raise DataError("there are no cases to evaluate", remedy="check that the list of cases is not empty")
        return pool_matches([case[rule] for case in self._cases], self.num_classes)


def _plain(value: float) -> float | None:
    """A Python float; None for NaN, which JSON lacks."""
    return None if isnan(value) else float(value)
