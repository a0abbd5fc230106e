"""Which detection found which object: evaluation *matches*, training *assigns*."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import torch
from torch import Tensor

from medtk_monai.errors import DataError
from medtk_monai.metrics.hits import Hit
from medtk_monai.structures import Detections, Target

UNMATCHED = -1
"""In CaseMatches.objects: the detection belongs to no object."""


class Outcome(IntEnum):
    """What became of a detection."""

    FALSE_POSITIVE = 0
    TRUE_POSITIVE = 1
    SET_ASIDE = 2
    """It hit an ignored object, and counts neither way."""


@dataclass(frozen=True)
class CaseMatches:
    """The detections of one case against its objects. NumPy arrays only, so it can be pickled and sent to other processes.

    Args:
        scores: (N,) float64, in the order of the detections.
        labels: (N,) int64.
        outcomes: (N,) int64, values of Outcome.
        objects: (N,) int64, index of the object a detection found (or was set aside for), or UNMATCHED.
        object_labels: (M,) int64.
        object_ignored: (M,) bool; such an object is not counted.
        found_scores: (M,) float64, score of the detection that found the object; NaN for a missed or an ignored one.
    """

    scores: np.ndarray
    labels: np.ndarray
    outcomes: np.ndarray
    objects: np.ndarray
    object_labels: np.ndarray
    object_ignored: np.ndarray
    found_scores: np.ndarray

    @property
    def missed(self) -> np.ndarray:
        """(M,) bool: the object counts and nothing found it."""
        return np.isnan(self.found_scores) & ~self.object_ignored

    def count_objects(self, num_classes: int) -> np.ndarray:
        """(C,) int64: number of objects of each class, the ignored ones left out."""
        return np.bincount(self.object_labels[~self.object_ignored], minlength=num_classes)


@dataclass(frozen=True)
class PooledMatches:
    """The matches of many cases, detections set aside left out.

    Args:
        scores: (N,) float64.
        labels: (N,) int64.
        is_tp: (N,) bool.
        num_objects: (C,) int64, objects of each class.
        num_cases: how many cases, those without objects or detections included.
    """

    scores: np.ndarray
    labels: np.ndarray
    is_tp: np.ndarray
    num_objects: np.ndarray
    num_cases: int


def match_detections(detections: Detections, target: Target, hit: Hit, case_id: str = "") -> CaseMatches:
    """Match the detections of one case with its objects, one to one and class by class.

    Detections come in descending score (equal scores in their order). Each takes the free object of its class that it hits best.
    One that hits no free object but an ignored one, of whatever class, is set aside; an ignored object takes any number. All
    others are false positives, and so is a second detection of an object already found.

    Args:
        detections: N detections.
        target: M objects.
        hit: the hit rule.
        case_id: named in errors.

    Raises:
        DataError: a score or a box is not finite.
    """
    _check_finite(detections.scores, "a score", case_id)
    _check_finite(detections.boxes, "a detected box", case_id)
    _check_finite(target.boxes, "an annotated box", case_id)
    quality = _numpy(hit(detections.boxes, target.boxes))
    is_hit = quality >= hit.threshold
    scores, labels = _numpy(detections.scores).astype(np.float64), _numpy(detections.labels).astype(np.int64)
    object_labels, ignored = _numpy(target.labels).astype(np.int64), _numpy(target.ignored).astype(bool)

    to_find = is_hit & ~ignored & (labels[:, None] == object_labels)
    objects = _take_best(np.where(to_find, quality, -np.inf), np.argsort(-scores, kind="stable"))
    found = objects != UNMATCHED
    aside = ~found & (is_hit & ignored).any(axis=1)
    for i in np.flatnonzero(aside):
        objects[i] = np.where(is_hit[i] & ignored, quality[i], -np.inf).argmax()

    found_scores = np.full(len(object_labels), np.nan)
    found_scores[objects[found]] = scores[found]
    outcomes = np.select([found, aside], [Outcome.TRUE_POSITIVE, Outcome.SET_ASIDE], Outcome.FALSE_POSITIVE).astype(np.int64)
    return CaseMatches(scores, labels, outcomes, objects, object_labels, ignored, found_scores)


def pool_matches(cases: Sequence[CaseMatches], num_classes: int) -> PooledMatches:
    """The matches of all cases as one list of detections; those set aside are left out.

    Args:
        cases: any number of cases.
        num_classes: C, larger than every label.
    """
    outcomes = np.concatenate([np.empty(0, np.int64), *(case.outcomes for case in cases)])
    counted = outcomes != Outcome.SET_ASIDE
    return PooledMatches(
        scores=np.concatenate([np.empty(0), *(case.scores for case in cases)])[counted],
        labels=np.concatenate([np.empty(0, np.int64), *(case.labels for case in cases)])[counted],
        is_tp=outcomes[counted] == Outcome.TRUE_POSITIVE,
        num_objects=sum((case.count_objects(num_classes) for case in cases), np.zeros(num_classes, np.int64)),
        num_cases=len(cases),
    )


def _take_best(quality: np.ndarray, order: np.ndarray) -> np.ndarray:
    """(N, M) qualities, -inf where there is no hit -> (N,) the free object each detection takes in turn, or UNMATCHED."""
    objects = np.full(len(quality), UNMATCHED)
    free = quality.copy()
    candidate = np.isfinite(quality).any(axis=1)
    for i in order[candidate[order]]:
        best = free[i].argmax()
        if np.isfinite(free[i, best]):
            objects[i] = best
            free[:, best] = -np.inf
    return objects


def _check_finite(values: Tensor, what: str, case_id: str) -> None:
    if not torch.isfinite(values).all():
        raise DataError(f"{what} is NaN or infinite", case_id, "a diverged network or a broken file; metrics would be meaningless")


def _numpy(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()
