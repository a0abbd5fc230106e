"""Hit rules and pairings, worked out by hand."""

import pytest
import torch
from tiny_cases import detections_at, target_at

from medtk_monai.metrics import CenterDistanceHit, CenterInBoxHit, IoUHit, MaskHit, Outcome, Pairing, RadiusHit, match_detections
from medtk_monai.structures import Detections, Target

T, F, S = Outcome.TRUE_POSITIVE, Outcome.FALSE_POSITIVE, Outcome.SET_ASIDE


def cube(center, side):
    """A box (6,) around a center on the first axis."""
    return [center - side / 2, -side / 2, -side / 2, center + side / 2, side / 2, side / 2]


def hits(rule, detection, truth):
    quality = rule(torch.tensor([detection]), torch.tensor([truth]))
    return bool(quality[0, 0] >= rule.threshold)


@pytest.mark.parametrize(
    "rule, detection, truth, expected",
    [
        # An object of 10 from -5 to 5: a center at 4.9 lies inside, at 5 on the border, at 5.1 outside.
        (CenterInBoxHit(), cube(4.9, 1), cube(0, 10), True),
        (CenterInBoxHit(), cube(5.0, 1), cube(0, 10), True),
        (CenterInBoxHit(), cube(5.1, 1), cube(0, 10), False),
        # The detection's own size does not matter, only its center.
        (CenterInBoxHit(), cube(4.9, 99), cube(0, 10), True),
        # Far along one axis only: still outside.
        (CenterInBoxHit(), [6.0, -1, -1, 8, 1, 1], cube(0, 10), False),
        # 3 mm apart: within 3, not within 2.9.
        (CenterDistanceHit(3.0), cube(3, 1), cube(0, 10), True),
        (CenterDistanceHit(2.9), cube(3, 1), cube(0, 10), False),
        # A radius of 5, half the longest side: 5 is within, 5.1 is not; 1.5 radii reach 7.5.
        (RadiusHit(), cube(5, 1), cube(0, 10), True),
        (RadiusHit(), cube(5.1, 1), cube(0, 10), False),
        (RadiusHit(1.5), cube(7.5, 1), cube(0, 10), True),
        # The longest side counts: 2 x 2 x 10 has a radius of 5 along every axis.
        (RadiusHit(), cube(4.5, 1), [-1.0, -1, -5, 1, 1, 5], True),
        # A point has no radius: it is hit exactly, or within the least radius.
        (RadiusHit(), cube(0, 1), cube(0, 0), True),
        (RadiusHit(), cube(1, 1), cube(0, 0), False),
        (RadiusHit(least=1.0), cube(1, 1), cube(0, 0), True),
        (CenterInBoxHit(), cube(0, 1), cube(0, 0), True),
        (CenterInBoxHit(), cube(1, 1), cube(0, 0), False),
        # Two boxes of 10, shifted by 5: 500 of 1500.
        (IoUHit(1 / 3), cube(5, 10), cube(0, 10), True),
        (IoUHit(0.34), cube(5, 10), cube(0, 10), False),
    ],
)
def test_what_hits(rule, detection, truth, expected):
    assert hits(rule, detection, truth) is expected


def test_a_mask_is_hit_where_it_is_and_not_in_its_box():
    """An L of voxels of 2 x 1 x 1 mm: its box contains the corner that the mask leaves out."""
    instances = torch.zeros(4, 4, 1, dtype=torch.int64)
    instances[0, 0:3, 0], instances[0:3, 0, 0], instances[3, 3, 0] = 1, 1, 2
    rule = MaskHit(instances, (2.0, 1.0, 1.0))
    centers = torch.tensor([[1.0, 2.5, 0.5], [5.0, 0.5, 0.5], [5.0, 2.5, 0.5], [7.0, 3.5, 0.5], [-1.0, 0.5, 0.5], [9.0, 0.5, 0.5]])
    quality = rule(torch.cat([centers - 0.2, centers + 0.2], dim=1), torch.zeros(2, 6))
    assert (quality >= rule.threshold).tolist() == [
        [True, False],
        [True, False],
        [False, False],
        [False, True],
        [False, False],
        [False, False],
    ]


def test_nearer_is_better():
    for rule in (CenterInBoxHit(), CenterDistanceHit(6.0), RadiusHit()):
        quality = rule(torch.tensor([cube(d, 1) for d in (0.0, 1.0, 4.0, 9.0)]), torch.tensor([cube(0.0, 10.0)]))[:, 0]
        assert (quality.diff() < 0).all() and quality[0] == 1 and quality[2] >= 0.5 > quality[3]


TABLE = {
    # Two detections of one lesion: the better one finds it.
    "one_to_one": (Pairing(), [(0, 0.5), (0.1, 0.9)], [(0,)], [F, T], [0.9]),
    # The other counts neither way where duplicates are set aside.
    "set_aside": (Pairing("one_to_one", "set_aside"), [(0, 0.5), (0.1, 0.9)], [(0,)], [S, T], [0.9]),
    # The best-scored detection lies between two lesions and fits the first; the other detection fits the first only. In turn, the
    # second lesion is missed; in the best way to pair them, both are found.
    "in turn": (Pairing(), [(0.2, 0.9), (0.0, 0.8)], [(0.15,), (0.6,)], [T, F], [0.9, None]),
    "optimal": (Pairing("optimal"), [(0.2, 0.9), (0.0, 0.8)], [(0.15,), (0.6,)], [T, T], [0.8, 0.9]),
    # A detection that hits two lesions finds both where each object looks for itself.
    "each_object": (Pairing("each_object"), [(0.2, 0.9)], [(0.0,), (0.4,)], [T], [0.9, 0.9]),
    # Of two that hit, each object takes the better score, not the better place.
    "each_object, score": (Pairing("each_object", "set_aside"), [(0.0, 0.3), (0.2, 0.9)], [(0.0,)], [S, T], [0.9]),
    # Nothing is reported, or there is nothing to find.
    "nothing": (Pairing("each_object"), [], [(0,)], [], [None]),
    "no lesions": (Pairing("optimal", "set_aside"), [(0, 0.9)], [], [F], []),
    # Ignored objects set detections aside in every pairing.
    "ignored": (Pairing("each_object"), [(0, 0.9)], [(0, 0, "ignored")], [S], [None]),
    # Classes do not mix.
    "classes": (Pairing("each_object", "set_aside"), [(0, 0.9, 1)], [(0, 0)], [F], [None]),
}


@pytest.mark.parametrize("name", TABLE)
def test_pairings(name):
    pairing, found, objects, outcomes, found_scores = TABLE[name]
    matches = match_detections(detections_at(found), target_at(objects), IoUHit(0.05), pairing=pairing)
    assert matches.outcomes.tolist() == outcomes
    assert [None if score != score else round(score, 6) for score in matches.found_scores.tolist()] == found_scores
    assert (matches.objects >= 0).tolist() == [outcome != F for outcome in outcomes]


@pytest.mark.parametrize(
    "wrong", [lambda: Pairing("greedy"), lambda: Pairing(duplicates="keep"), lambda: CenterDistanceHit(0), lambda: RadiusHit(0)]
)
def test_wrong_rules_are_refused(wrong):
    with pytest.raises(ValueError):
        wrong()


def test_optimal_pairing_finds_as_many_as_can_be_found():
    """Chains of overlapping boxes: in turn, a good score may take the place of two."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        found = [(float(p), float(s)) for p, s in zip(torch.rand(6, generator=generator) * 2, torch.rand(6, generator=generator))]
        objects = [(float(p),) for p in torch.rand(4, generator=generator) * 2]
        counts = [
            (match_detections(detections_at(found), target_at(objects), IoUHit(0.2), pairing=Pairing(mode)).outcomes == T).sum()
            for mode in ("one_to_one", "optimal")
        ]
        assert counts[1] >= counts[0]


def test_empty_boxes_in_both():
    none = Detections(torch.zeros(0, 6), torch.zeros(0), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64))
    nothing = Target(torch.zeros(0, 6), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool))
    for mode in ("one_to_one", "optimal", "each_object"):
        for rule in (CenterInBoxHit(), CenterDistanceHit(1), RadiusHit(), IoUHit()):
            assert len(match_detections(none, nothing, rule, pairing=Pairing(mode)).outcomes) == 0
