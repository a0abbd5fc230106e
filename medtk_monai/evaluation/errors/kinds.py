"""What kind of error each false positive and each missed lesion is, after TIDE (Bolya et al., ECCV 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from medtk_monai.box_ops import box_sizes, pairwise_iou
from medtk_monai.evaluation.matching import MatchedCase
from medtk_monai.metrics import CaseMatches, Hit, Outcome
from medtk_monai.metrics.matching import UNMATCHED

_PER_MM = 1e-9
"""Among objects that a detection overlaps alike, the nearest is meant."""


class Kind(IntEnum):
    """Kinds of errors. False positives are of the second to fifth kind, missed lesions of the third, fourth, sixth or seventh."""

    NONE = 0
    DUPLICATE = 1
    """Hits an object of its class that another detection found."""
    CLASS = 2
    """Hits an object of another class; such an object is taken for another class."""
    LOCALIZATION = 3
    """Near an object of its class, but no hit; such an object is localized poorly."""
    BACKGROUND = 4
    """Any other false positive."""
    BELOW_THRESHOLD = 5
    """The lesion is found, with a score below the threshold."""
    NEVER_SEEN = 6
    """No detection of any score is near the lesion, or hits it as another class."""

    @property
    def text(self) -> str:
        return self.name.lower().replace("_", " ")


ERRORS = tuple(Kind)[1:]


@dataclass(frozen=True)
class CaseErrors:
    """The errors of one case at a threshold of the score.

    Args:
        case: findings and objects.
        match: which found which, at any score.
        kinds: (N,) int64, Kind of each false positive from the threshold on; NONE for other detections.
        objects: (N,) int64, the object that such an error concerns, or UNMATCHED.
        lesion_kinds: (M,) int64, Kind of each missed lesion; NONE for found and for ignored ones.
        detections: (M,) int64, the detection that found the lesion, or that tells its kind, or UNMATCHED.
        near_scores: (M,) best score of the poor localizations of the lesion, at any threshold; NaN without.
        other_class_scores: (M,) best score of detections that hit the lesion as another class; NaN without.
        iou: (N, M).
        distances: (N, M) of centers, mm.
    """

    case: MatchedCase
    match: CaseMatches
    kinds: np.ndarray
    objects: np.ndarray
    lesion_kinds: np.ndarray
    detections: np.ndarray
    near_scores: np.ndarray
    other_class_scores: np.ndarray
    iou: np.ndarray
    distances: np.ndarray

    @property
    def lesions(self) -> np.ndarray:
        """(M,) bool: objects that count."""
        return ~self.match.object_ignored

    @property
    def found(self) -> np.ndarray:
        """(M,) bool: lesions found from the threshold on."""
        return self.lesions & (self.lesion_kinds == Kind.NONE)


def sort_errors(case: MatchedCase, match: CaseMatches, hit: Hit | None, threshold: float, reach: float = 1.0) -> CaseErrors:
    """Tell the kinds of the errors of one case.

    A false positive is the first that fits of: duplicate, class, localization, background. It is near an object if it overlaps it or its
    center lies within ``reach`` times the object's longest side of the object's; objects that are ignored count as near ones, too.
    A missed lesion is below the threshold if any detection found it. Else the best-scored of the false positives that are its poor
    localizations, or hit it as another class, tells the kind; so does, as a localization, a detection that hits it but counts for another.

    Args:
        match: by the rule ``hit``.
        hit: the hit rule; None for points in masks.
        threshold: scores of at least this much are reported.
    """
    rule = case.rule(hit)
    quality = rule(case.detections.boxes, case.target.boxes).numpy()
    iou = pairwise_iou(case.detections.boxes, case.target.boxes).numpy()
    distances = _distances(case)
    longest = box_sizes(case.target.boxes).amax(dim=1).numpy()
    is_hit, own = quality >= rule.threshold, match.labels[:, None] == match.object_labels
    close = (iou > 0) | (distances <= reach * longest + 1e-6)
    wrong = (match.outcomes == Outcome.FALSE_POSITIVE)[:, None]
    relations = {
        Kind.DUPLICATE: wrong & is_hit & own & ~match.object_ignored,
        Kind.CLASS: wrong & is_hit & ~own & ~match.object_ignored,
        Kind.LOCALIZATION: wrong & close & own & ~is_hit,
    }
    kinds, objects = _kinds_of_false_positives(wrong[:, 0], relations, quality, iou - _PER_MM * distances)
    detections = _finders(match, is_hit & own)
    merged = is_hit & own & (match.outcomes == Outcome.TRUE_POSITIVE)[:, None] & (match.objects[:, None] != np.arange(is_hit.shape[1]))
    near = relations[Kind.LOCALIZATION] & (kinds == Kind.LOCALIZATION)[:, None] | merged
    mistaken = relations[Kind.CLASS] & (kinds == Kind.CLASS)[:, None]
    lesion_kinds, detections, (near_scores, other_scores) = _kinds_of_lesions(match, threshold, detections, near, mistaken)
    reported = match.scores >= threshold
    kinds, objects = np.where(reported, kinds, Kind.NONE), np.where(reported, objects, UNMATCHED)
    return CaseErrors(case, match, kinds, objects, lesion_kinds, detections, near_scores, other_scores, iou, distances)


def _distances(case: MatchedCase) -> np.ndarray:
    """(N, M) mm, of the centers in the world: the frame keeps lengths."""
    found, objects = case.world_centers.numpy(), case.truth.boxes.centers.numpy()
    return np.sqrt(np.square(found[:, None] - objects[None]).sum(axis=2))


def _kinds_of_false_positives(
    wrong: np.ndarray, relations: dict[Kind, np.ndarray], quality: np.ndarray, overlap: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Kinds (N,) and objects concerned (N,), of false positives of any score."""
    kinds = np.where(wrong, Kind.BACKGROUND, Kind.NONE).astype(np.int64)
    objects = np.full(len(kinds), UNMATCHED)
    for kind, relation in reversed(relations.items()):
        best = _best(np.where(relation, overlap if kind is Kind.LOCALIZATION else quality, -np.inf))
        kinds, objects = np.where(best == UNMATCHED, kinds, kind), np.where(best == UNMATCHED, objects, best)
    return kinds, objects


def _finders(match: CaseMatches, may_find: np.ndarray) -> np.ndarray:
    """(M,) the detection that found each object, or UNMATCHED; of detections that found several, ``match.objects`` names one only."""
    named = match.objects[:, None] == np.arange(may_find.shape[1])
    able = may_find & (match.outcomes == Outcome.TRUE_POSITIVE)[:, None] & (match.scores[:, None] == match.found_scores)
    return _best(np.where(able, 1.0 + named, -np.inf).T)


def _kinds_of_lesions(
    match: CaseMatches, threshold: float, finders: np.ndarray, near: np.ndarray, mistaken: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Kinds (M,), the detections that tell them (M,), and the best scores (M,) of poor localizations and of mistaken classes."""
    nearest, confused = (_best(np.where(part, match.scores[:, None], -np.inf).T) for part in (near, mistaken))
    near_scores, other_scores = (_scores_of(match, index) for index in (nearest, confused))
    with np.errstate(invalid="ignore"):
        below, found = match.found_scores < threshold, match.found_scores >= threshold
    # Of equal scores the class is meant: that detection hits.
    localized = (nearest != UNMATCHED) & ~(np.nan_to_num(other_scores, nan=-np.inf) >= np.nan_to_num(near_scores, nan=-np.inf))
    conditions = [match.object_ignored | found, below, localized, confused != UNMATCHED]
    kinds = np.select(conditions, [Kind.NONE, Kind.BELOW_THRESHOLD, Kind.LOCALIZATION, Kind.CLASS], Kind.NEVER_SEEN).astype(np.int64)
    detections = np.select([kinds == Kind.LOCALIZATION, kinds == Kind.CLASS], [nearest, confused], finders)
    return kinds, detections, (near_scores, other_scores)


def _best(values: np.ndarray) -> np.ndarray:
    """(N, M) -> (N,) the column of the largest finite value of each row, or UNMATCHED."""
    if not values.shape[1]:
        return np.full(len(values), UNMATCHED)
    best = values.argmax(axis=1)
    return np.where(np.isfinite(values.max(axis=1)), best, UNMATCHED)


def _scores_of(match: CaseMatches, index: np.ndarray) -> np.ndarray:
    """(M,) scores of detections, NaN for UNMATCHED."""
    return np.append(match.scores, np.nan)[index]
