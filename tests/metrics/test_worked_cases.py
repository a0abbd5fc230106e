"""A table of tiny cases, worked out by hand: FROC and average precision from boxes to numbers."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from tiny_cases import detections_at, target_at

from medtk_monai.metrics import DetectionMetrics, Outcome

T, F, S = Outcome.TRUE_POSITIVE, Outcome.FALSE_POSITIVE, Outcome.SET_ASIDE
ALL, NONE, UNDEFINED = [1.0] * 7, [0.0] * 7, [None] * 7


@dataclass(frozen=True)
class Worked:
    """Detections and objects of each case, the outcome of each detection, sensitivity at 1/8 ... 8 false positives, AP."""

    cases: list[tuple[list, list]]
    outcomes: list[list[Outcome]]
    sensitivity: list
    ap: float | None
    num_lesions: int
    num_classes: int = 1


TABLE = {
    # Two cases, each lesion found, nothing else reported.
    "perfect": Worked([([(0, 0.9)], [(0,)]), ([(3, 0.2)], [(3,)])], [[T], [T]], ALL, 1.0, 2),
    # Lesions, but the detector is silent.
    "silent": Worked([([], [(0,)]), ([], [(1,), (2,)])], [[], []], NONE, 0.0, 3),
    # The smallest perfect detector: a curve of one point, which libraries tend to lose.
    "one lesion": Worked([([(0, 0.9)], [(0,)])], [[T]], ALL, 1.0, 1),
    # Equal scores are one operating point: both lesions come with one false positive, in whatever order.
    "ties": Worked([([(5, 0.5), (0, 0.5), (1, 0.5)], [(0,), (1,)])], [[F, T, T]], [0, 0, 0, 1, 1, 1, 1], 2 / 3, 2),
    # A case without lesions and nothing else: sensitivity is undefined, not a crash and not 0.
    "no lesions": Worked([([(0, 0.9)], [])], [[F]], UNDEFINED, None, 0),
    # Nothing to find, nothing found.
    "empty case": Worked([([], [])], [[]], UNDEFINED, None, 0),
    # One false positive among four cases, three of them healthy, is 1/4 per case.
    "healthy cases": Worked(
        [([(0, 0.5)], [(0,)]), ([(0, 0.9)], []), ([], []), ([], [])], [[T], [F], [], []], [0, 1, 1, 1, 1, 1, 1], 0.5, 1
    ),
    # The second detection of a lesion is a false positive, here too late to matter.
    "duplicate": Worked([([(0, 0.9), (0, 0.8)], [(0,)])], [[T, F]], ALL, 1.0, 1),
    # A duplicate that comes before the second lesion does cost precision: 1/1 up to recall 1/2, then 2/3.
    "costly duplicate": Worked(
        [([(0, 0.9), (0.1, 0.8), (2, 0.7)], [(0,), (2,)])], [[T, F, T]], [0.5, 0.5, 0.5, 1, 1, 1, 1], (51 + 50 * 2 / 3) / 101, 2
    ),
    # An ignored object takes two detections, and none of them counts either way.
    "ignored": Worked([([(1, 0.9), (1, 0.8), (0, 0.7)], [(0,), (1, 0, "ignored")])], [[S, S, T]], ALL, 1.0, 1),
    # An ignored object takes detections of another class as well.
    "ignored, other class": Worked([([(1, 0.9, 1), (0, 0.7)], [(0,), (1, 0, "ignored")])], [[S, T]], ALL, 1.0, 1, num_classes=2),
    # A lesion has precedence over an ignored object that fits better; the next detection is set aside.
    "ignored neighbor": Worked([([(0.2, 0.9), (0.2, 0.8)], [(0.2, 0, "ignored"), (0,)])], [[T, S]], ALL, 1.0, 1),
    # Ignored objects are not lesions.
    "only ignored": Worked([([(0, 0.9)], [(0, 0, "ignored")])], [[S]], UNDEFINED, None, 0),
    # The right place with the wrong class: one false positive, one missed lesion.
    "wrong class": Worked([([(0, 0.9, 1)], [(0, 0)])], [[F]], NONE, 0.0, 1, num_classes=2),
    # Classes 0 and 2 have no objects and stay out of the mean, even though class 2 has a false positive.
    "absent class": Worked([([(0, 0.8, 1), (4, 0.9, 2)], [(0, 1)])], [[T, F]], [0, 0, 0, 1, 1, 1, 1], 1.0, 1, num_classes=3),
    # Class 0 is perfect and class 1 is missed: the mean of 1 and 0.
    "two classes": Worked([([(0, 0.9, 0)], [(0, 0), (2, 1)])], [[T]], [0.5] * 7, 0.5, 2, num_classes=2),
    # Nothing but false positives.
    "all wrong": Worked([([(3, 0.9), (4, 0.8)], [(0,)]), ([(3, 0.7)], [])], [[F, F], [F]], NONE, 0.0, 1),
    # The false positive is more certain than the lesion: precision 1/2, and sensitivity 0 below 1 per case.
    "late": Worked([([(3, 0.9), (0, 0.8)], [(0,)])], [[F, T]], [0, 0, 0, 1, 1, 1, 1], 0.5, 1),
    # One lesion of two: COCO reads precision 1 at the recalls 0, 0.01 ... 0.50.
    "half": Worked([([(0, 0.9)], [(0,), (2,)])], [[T]], [0.5] * 7, 51 / 101, 2),
    # The score decides who takes a lesion, not the order and not the overlap.
    "unordered": Worked([([(0, 0.3), (0.1, 0.6)], [(0,)])], [[F, T]], ALL, 1.0, 1),
    # The first takes the lesion it fits best; the second, though it fits that one perfectly, takes the other.
    "crowded": Worked([([(0.05, 0.9), (0, 0.8)], [(0,), (0.25,)])], [[T, T]], ALL, 1.0, 2),
}


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("worked", TABLE.values(), ids=TABLE.keys())
def test_worked_case(worked: Worked, spatial_dims: int):
    metrics = DetectionMetrics(num_classes=worked.num_classes)
    for (found, objects), outcomes in zip(worked.cases, worked.outcomes):
        matches = metrics.update(detections_at(found, spatial_dims), target_at(objects, spatial_dims))
        assert matches.outcomes.tolist() == outcomes
    computed = metrics.compute()
    assert computed["froc"]["sensitivity"] == worked.sensitivity
    assert computed["ap"] == (None if worked.ap is None else pytest.approx(worked.ap, abs=1e-12))
    assert computed["num_lesions"] == worked.num_lesions
    assert computed["num_cases"] == len(worked.cases)
