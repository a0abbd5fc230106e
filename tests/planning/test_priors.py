"""Anchors fitted to planted sizes."""

import numpy as np
import pytest

from medtk_monai.planning.priors import fit_anchors, mean_best_iou, suits_anchors
from tests.planning.made_facts import made, spheres


def test_planted_sizes_are_found_again():
    rng = np.random.default_rng(0)
    planted = np.array([[5.0, 5.0, 8.0], [8.0, 8.0, 5.0], [12.0, 20.0, 12.0], [20.0, 12.0, 12.0]])
    sides = np.repeat(planted, 50, axis=0) * np.exp(rng.normal(0, 0.03, (200, 3)))
    fine, coarse = fit_anchors(sides, [(2, 2, 2), (4, 4, 4)])
    found = np.array(fine + coarse)
    assert len(fine) == len(coarse) == 2
    for size in planted:
        assert np.abs(found / size - 1).max(axis=1).min() < 0.03
    assert mean_best_iou(sides, found) > 0.9


def test_one_anchor_where_more_bring_nothing():
    sides = np.full((100, 3), 6.0)
    assert fit_anchors(sides, [(2, 2, 2)]) == [[[6.0, 6.0, 6.0]]]


def test_levels_without_objects_get_as_many_anchors():
    sides = np.repeat([[5.0, 5.0], [5.0, 9.0]], 50, axis=0)
    fine, coarse = fit_anchors(sides, [(2, 2), (32, 32)])
    assert len(fine) == len(coarse) and min(map(min, coarse)) > 60


def test_a_degenerate_box_is_not_fitted():
    sides = np.concatenate([np.full((500, 2), 40.0), [[0.5, 0.5]]])
    assert fit_anchors(sides, [(4, 4), (16, 16)])[1] == [[40.0, 40.0]]


def test_iou_by_hand():
    assert mean_best_iou(np.array([[2.0, 2.0], [4.0, 1.0]]), np.array([[2.0, 2.0]])) == pytest.approx((1 + 2 / 6) / 2)


def test_anchors_suit_objects_of_one_size():
    narrow = np.concatenate([spheres(10, 13, 50), spheres(30, 40, 50)])
    assert suits_anchors(made(narrow, [0] * 50 + [1] * 50))
    assert not suits_anchors(made(narrow))
    assert not suits_anchors(made(spheres(10, 11, 20)))  # too few to tell
