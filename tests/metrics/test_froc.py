from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics.froc import compute_froc_curve_data

from medtk_monai.metrics import STANDARD_FP_PER_CASE, froc_curve, sensitivity_at

detection_lists = st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=25)


def brute_force(scores, is_tp, num_lesions, num_cases, asked):
    """Try every threshold; the best sensitivity that can be afforded."""
    best = 0.0
    for threshold in scores:
        fp = sum(1 for s, t in zip(scores, is_tp) if s >= threshold and not t) / num_cases
        if fp <= asked:
            best = max(best, sum(1 for s, t in zip(scores, is_tp) if s >= threshold and t) / num_lesions)
    return best


@settings(max_examples=150, deadline=None)
@given(detection_lists, st.integers(0, 5), st.integers(1, 9))
def test_agrees_with_trying_every_threshold(found, missed, num_cases):
    scores, is_tp = [s / 10 for s, _ in found], [t for _, t in found]
    num_lesions = sum(is_tp) + missed
    curve = froc_curve(np.array(scores), np.array(is_tp, bool), num_lesions, num_cases)
    for asked in (0.0, 0.1, *STANDARD_FP_PER_CASE):
        read = float(sensitivity_at(curve, asked))
        if num_lesions:
            assert read == brute_force(scores, is_tp, num_lesions, num_cases, asked)
        else:
            assert np.isnan(read)


@settings(max_examples=100, deadline=None)
@given(detection_lists)
def test_curve_rises_from_the_origin_and_ignores_order(found):
    scores, is_tp = np.array([s for s, _ in found], float), np.array([t for _, t in found], bool)
    curve = froc_curve(scores, is_tp, 30, 4)
    again = froc_curve(scores[::-1], is_tp[::-1], 30, 4)
    assert (curve.thresholds[0], curve.fp_per_case[0], curve.sensitivity[0]) == (np.inf, 0, 0)
    assert (np.diff(curve.thresholds) < 0).all()
    assert (np.diff(curve.fp_per_case) >= 0).all() and (np.diff(curve.sensitivity) >= 0).all()
    assert len(curve.thresholds) == len(set(scores)) + 1
    for one, other in zip(vars(curve).values(), vars(again).values()):
        np.testing.assert_array_equal(one, other)


def test_agrees_with_monai():
    """MONAI leaves out the lowest score; a false positive at minus infinity takes its place."""
    generator = np.random.default_rng(3)
    for num_missed in (0, 5):
        scores, is_tp = generator.random(200).round(2), generator.random(200) < 0.4
        curve = froc_curve(scores, is_tp, is_tp.sum() + num_missed, 20)
        fp, sensitivity = compute_froc_curve_data(np.append(scores[~is_tp], -np.inf), scores[is_tp], is_tp.sum() + num_missed, 20)
        np.testing.assert_array_equal(curve.fp_per_case, fp[::-1])
        np.testing.assert_array_equal(curve.sensitivity, sensitivity[::-1])


def test_nothing_is_interpolated():
    curve = froc_curve(np.array([0.9, 0.8]), np.array([False, True]), num_lesions=1, num_cases=2)
    assert sensitivity_at(curve, [0.25, 0.4999, 0.5]).tolist() == [0, 0, 1]


def test_adding_silent_healthy_cases_never_lowers_sensitivity():
    generator = np.random.default_rng(0)
    scores, is_tp = generator.random(100), generator.random(100) < 0.3
    few, many = (sensitivity_at(froc_curve(scores, is_tp, 40, n), STANDARD_FP_PER_CASE) for n in (10, 30))
    assert (many >= few).all() and (many > few).any()


def test_impossible_requests_are_refused():
    with pytest.raises(ValueError, match="at least one case"):
        froc_curve(np.array([]), np.array([], bool), 0, 0)
    with pytest.raises(ValueError, match="only once"):
        froc_curve(np.array([0.5, 0.4]), np.array([True, True]), 1, 1)
    with pytest.raises(ValueError, match="NaN"):
        froc_curve(np.array([np.nan]), np.array([False]), 1, 1)
    with pytest.raises(ValueError, match="one length"):
        froc_curve(np.array([0.5]), np.array([False, True]), 1, 1)
