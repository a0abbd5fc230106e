"""Which detection found which object: evaluation *matches*, training *assigns*."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from medtk_monai.errors import DataError
from medtk_monai.metrics.excuse import COVER, Excuse, excusing
from medtk_monai.metrics.hits import Hit, MaskHit
from medtk_monai.structures import Detections, Target

UNMATCHED = -1
"""In CaseMatches.objects: the detection belongs to no object."""


class Outcome(IntEnum):
    """What became of a detection."""

    FALSE_POSITIVE = 0
    TRUE_POSITIVE = 1
    SET_ASIDE = 2
    """An ignored object excuses it, or it hit an object found before where such hits are left out: it counts neither way."""


@dataclass(frozen=True)
class Pairing:
    """Who may find what.

    Args:
        mode: ``"one_to_one"``: detections in descending score take the free object of theirs that they hit best, as in COCO;
            ``"optimal"``: as many objects as possible are found, and of these ways the one of the best qualities, as in PI-CAI;
            ``"each_object"``: an object is found by the best-scored detection that hits it, and one detection may find several, as in LUNA16.
        duplicates: what becomes of other detections that hit an object: ``"false_positive"`` or ``"set_aside"``, counting neither way.

    Raises:
        ValueError: a word is not known.
    """

    mode: Literal["one_to_one", "optimal", "each_object"] = "one_to_one"
    duplicates: Literal["false_positive", "set_aside"] = "false_positive"

    def __post_init__(self) -> None:
        if self.mode not in ("one_to_one", "optimal", "each_object") or self.duplicates not in ("false_positive", "set_aside"):
            raise ValueError(f"{self}: unknown mode, or unknown way to treat duplicates")


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
        scores: (N,) float64, of found objects and false positives.
        labels: (N,) int64.
        is_tp: (N,) bool.
        num_objects: (C,) int64, objects of each class.
        num_cases: how many cases, those without objects or detections included.
        cases: (N,) int64, index of the case that each comes from.
    """

    scores: np.ndarray
    labels: np.ndarray
    is_tp: np.ndarray
    num_objects: np.ndarray
    num_cases: int
    cases: np.ndarray


ONE_TO_ONE = Pairing()


def match_detections(
    detections: Detections,
    target: Target,
    hit: Hit,
    case_id: str = "",
    pairing: Pairing = ONE_TO_ONE,
    excuse: Excuse = COVER,
    masks: MaskHit | None = None,
) -> CaseMatches:
    """Match the detections of one case with its objects, class by class.

    A detection that finds no object but is excused by an ignored one, of whatever class, is set aside; an ignored object takes any number.
    All others are false positives, and so is a second detection of an object already found, unless duplicates are set aside.

    Args:
        detections: N detections.
        target: M objects.
        hit: the hit rule.
        case_id: named in errors.
        pairing: who may find what; equal scores keep their order.
        excuse: which findings an ignored object sets aside.
        masks: of the objects, in the unit of the boxes; None where they are boxes.

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
    finders = _FINDERS[pairing.mode](np.where(to_find, quality, -np.inf), scores)
    objects = np.full(len(scores), UNMATCHED)
    taken = np.flatnonzero(finders != UNMATCHED)[::-1]  # of several objects that one detection finds, the first is named
    objects[finders[taken]] = taken
    found = objects != UNMATCHED
    excuses = np.full(quality.shape, -np.inf)
    if ignored.any():
        excuses[:, ignored] = excusing(excuse, hit, detections.boxes, target.boxes, masks)[:, ignored]
    for_ignored = ~found & np.isfinite(excuses).any(axis=1)
    duplicate = ~found & ~for_ignored & to_find.any(axis=1) & (pairing.duplicates == "set_aside")
    aside = for_ignored | duplicate
    for i in np.flatnonzero(aside):
        objects[i] = (excuses[i] if for_ignored[i] else np.where(to_find[i], quality[i], -np.inf)).argmax()

    found_scores = np.full(len(object_labels), np.nan)
    found_scores[taken] = scores[finders[taken]]
    outcomes = np.select([found, aside], [Outcome.TRUE_POSITIVE, Outcome.SET_ASIDE], Outcome.FALSE_POSITIVE).astype(np.int64)
    return CaseMatches(scores, labels, outcomes, objects, object_labels, ignored, found_scores)


def pool_matches(cases: Sequence[CaseMatches], num_classes: int) -> PooledMatches:
    """The found objects and false positives of all cases as one list; detections set aside are left out.

    Args:
        cases: any number of cases.
        num_classes: C, larger than every label.
    """
    found = [~np.isnan(case.found_scores) for case in cases]
    wrong = [case.outcomes == Outcome.FALSE_POSITIVE for case in cases]
    counts = [part.sum() for pair in zip(found, wrong) for part in pair]
    return PooledMatches(
        scores=_joined([part for case, yes, no in zip(cases, found, wrong) for part in (case.found_scores[yes], case.scores[no])], float),
        labels=_joined([part for case, yes, no in zip(cases, found, wrong) for part in (case.object_labels[yes], case.labels[no])], int),
        is_tp=np.repeat(np.tile([True, False], len(cases)), counts),
        num_objects=sum((case.count_objects(num_classes) for case in cases), np.zeros(num_classes, np.int64)),
        num_cases=len(cases),
        cases=np.repeat(np.repeat(np.arange(len(cases)), 2), counts),
    )


def _joined(parts: Sequence[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype), *parts])


def _find_in_turn(quality: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(N, M) qualities, -inf where there is no hit -> (M,) the detection that finds each object, or UNMATCHED: best scores choose first."""
    finders = np.full(quality.shape[1], UNMATCHED)
    free = quality.copy()
    candidate = np.isfinite(quality).any(axis=1)
    order = np.argsort(-scores, kind="stable")
    for i in order[candidate[order]]:
        best = free[i].argmax()
        if np.isfinite(free[i, best]):
            finders[best] = i
            free[:, best] = -np.inf
    return finders


def _find_most(quality: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """As _find_in_turn, but so that most objects are found, and of these ways the one of the largest sum of qualities."""
    finders = np.full(quality.shape[1], UNMATCHED)
    hits = np.isfinite(quality)
    rows, columns = linear_sum_assignment(np.where(hits, quality + quality.shape[1] + 1.0, 0.0), maximize=True)
    real = hits[rows, columns]
    finders[columns[real]] = rows[real]
    return finders


def _find_each(quality: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """As _find_in_turn, but each object is found by the best-scored detection that hits it."""
    hits = np.isfinite(quality)
    if not len(scores):
        return np.full(quality.shape[1], UNMATCHED)
    return np.where(hits.any(axis=0), np.where(hits, scores[:, None], -np.inf).argmax(axis=0), UNMATCHED)


_FINDERS = {"one_to_one": _find_in_turn, "optimal": _find_most, "each_object": _find_each}


def _check_finite(values: Tensor, what: str, case_id: str) -> None:
    if not torch.isfinite(values).all():
        raise DataError(f"{what} is NaN or infinite", case_id, "a diverged network or a broken file; metrics would be meaningless")


def _numpy(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()
