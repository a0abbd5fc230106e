"""Intervals and tests against repeated cases, other libraries, and simulated detectors whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtk_monai.metrics import average_precision, froc_curve, sensitivity_at
from medtk_monai.metrics.match_table import MatchTable
from medtk_monai.metrics.resampling import Bootstrap, bootstrap_weights, compare, intervals, rate_interval, share_interval
from medtk_monai.metrics.weighted import average_precisions, case_aurocs, counts_at, froc_sensitivities
from medtk_monai.metrics.wilson import wilson_interval

RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


def simulated(seed, num_cases, num_classes=1, skill=1.5, patients=None, decimals=2):
    """Cases with 0 to 3 lesions, found with scores that tend to be higher than those of 0 to 5 false alarms; scores often tie."""
    generator = np.random.default_rng(seed)
    lesions = generator.integers(0, 3, (num_cases, num_classes)) * (generator.random((num_cases, 1)) < 0.7)
    rows = []
    for case in range(num_cases):
        for label in range(num_classes):
            found = generator.random(lesions[case, label]) < 0.8
            rows += [(score, True, label, case) for score in generator.normal(skill, 1, found.sum())]
            rows += [(score, False, label, case) for score in generator.normal(0, 1, generator.poisson(2))]
    scores, is_tp, labels, cases = (np.array(column) for column in zip(*rows)) if rows else (np.empty(0),) * 4
    scores = np.round(scores.astype(float), decimals)
    best = np.full(num_cases, -np.inf)
    np.maximum.at(best, cases.astype(int), scores)
    owners = np.arange(num_cases) if patients is None else generator.integers(0, patients, num_cases)
    owners = np.unique(owners, return_inverse=True)[1]
    return MatchTable(scores, is_tp.astype(bool), labels.astype(int), cases.astype(int), lesions, best, owners)


def repeated(table, counts):
    """Scores, hits, labels, lesions per class and case scores with whole cases copied."""
    picks = np.repeat(np.arange(table.num_cases), counts)
    rows = np.concatenate([np.flatnonzero(table.cases == case) for case in picks] or [np.empty(0, int)]).astype(int)
    return table.scores[rows], table.is_tp[rows], table.labels[rows], table.lesions[picks], table.case_scores[picks]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 3))
def test_a_weight_counts_as_copies_of_the_case(seed, num_cases, num_classes):
    table = simulated(seed, num_cases, num_classes, decimals=1)
    weights = np.random.default_rng(seed).integers(0, 4, (5, num_cases)).astype(float)
    weights[0] = 1
    froc, ap, auroc = froc_sensitivities(table, weights, RATES), average_precisions(table, weights), case_aurocs(table, weights)
    for row, counts in enumerate(weights.astype(int)):
        scores, is_tp, labels, lesions, best = repeated(table, counts)
        if counts.sum() == 0 or lesions.sum() == 0:
            assert np.isnan(froc[row]).all() and np.isnan(ap[row]) and np.isnan(auroc[row])
            continue
        np.testing.assert_allclose(froc[row], sensitivity_at(froc_curve(scores, is_tp, lesions.sum(), len(lesions)), RATES))
        own = [average_precision(scores[labels == c], is_tp[labels == c], lesions[:, c].sum()) for c in range(num_classes)]
        np.testing.assert_allclose(ap[row], np.nanmean(own))
        diseased = lesions.sum(axis=1) > 0
        pairs = [(a > b) + (a == b) / 2 for a in best[diseased] for b in best[~diseased]]
        np.testing.assert_allclose(auroc[row], np.mean(pairs) if pairs else np.nan)
        counted = counts_at(table, weights, 0.5)
        assert counted["tp"][row] == (is_tp & (scores >= 0.5)).sum() and counted["fp"][row] == (~is_tp & (scores >= 0.5)).sum()
        assert counted["fn"][row] == lesions.sum() - counted["tp"][row]
        assert counted["fp"][row] == counted["fp_healthy"][row] + counted["fp_diseased"][row]
        assert sum(counted[f"case_{kind}"][row] for kind in ("tp", "fp", "fn", "tn")) == len(lesions)
        assert counted["case_tp"][row] == (diseased & (best >= 0.5)).sum() and counted["case_tn"][row] == (~diseased & (best < 0.5)).sum()


def test_auroc_is_that_of_scikit_learn():
    from sklearn import metrics

    for seed in range(5):
        table = simulated(seed, 60, decimals=1)
        best = np.where(np.isinf(table.case_scores), -99, table.case_scores)
        np.testing.assert_allclose(case_aurocs(table, np.ones((1, 60)))[0], metrics.roc_auc_score(table.diseased, best))


def test_linear_interpolation_by_hand():
    """Two cases, two lesions: a hit at 0.9, false alarms at 0.8 and 0.7, a hit at 0.6."""
    table = MatchTable(
        np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, False, True]), np.zeros(4, int), np.array([0, 0, 1, 1]),
        np.array([[1], [1]]), np.array([0.9, 0.7]), np.arange(2),
    )  # fmt: skip
    once = np.ones((1, 2))
    np.testing.assert_allclose(froc_sensitivities(table, once, [0, 0.25, 0.5, 0.75, 1, 2])[0], [0.5, 0.5, 0.5, 0.5, 1, 1])
    np.testing.assert_allclose(froc_sensitivities(table, once, [0, 0.25, 0.5, 0.75, 1, 2], "linear")[0], [0.5, 0.5, 0.5, 0.75, 1, 1])
    worst = MatchTable(
        np.array([0.9, 0.8]), np.array([False, True]), np.zeros(2, int), np.zeros(2, int), np.array([[1]]), np.array([0.9]), np.arange(1)
    )
    np.testing.assert_allclose(froc_sensitivities(worst, np.ones((1, 1)), [0, 0.5, 1], "linear")[0], [0, 0.5, 1])
    np.testing.assert_allclose(froc_sensitivities(worst, np.ones((1, 1)), [0, 0.5, 1])[0], [0, 0, 1])


def test_patients_are_drawn_with_all_their_cases():
    table = simulated(0, 40, patients=9)
    weights, count = bootstrap_weights(table, 500, seed=3), int(table.patients.max()) + 1
    for patient in range(count):
        own = weights[:, table.patients == patient]
        assert (own == own[:, :1]).all()
    by_patient = np.stack([weights[:, table.patients == patient][:, 0] for patient in range(count)], axis=1)
    assert (by_patient.sum(axis=1) == count).all() and abs(by_patient.mean() - 1) < 1e-12
    assert np.array_equal(weights, bootstrap_weights(table, 500, seed=3))


def test_chunks_do_not_change_figures(monkeypatch):
    from medtk_monai.metrics import weighted

    table = simulated(1, 30)
    weights = bootstrap_weights(table, 37)
    whole = froc_sensitivities(table, weights, RATES), average_precisions(table, weights)
    monkeypatch.setattr(weighted, "_CHUNK", 50)
    np.testing.assert_array_equal(froc_sensitivities(table, weights, RATES), whole[0])
    np.testing.assert_array_equal(average_precisions(table, weights), whole[1])


def sensitivity(table, weights):
    return froc_sensitivities(table, weights, [1.0])[:, 0]


def test_intervals_cover_the_truth():
    """Detectors of one kind on 600 samples of 120 cases: 95 % intervals hold the figure of 40000 cases in 93 to 97 % of them."""
    truth = float(sensitivity(simulated(99, 40_000, decimals=6), np.ones((1, 40_000)))[0])
    covered = []
    for seed in range(600):
        table = simulated(seed, 120, decimals=6)
        (found,) = intervals(table, sensitivity, bootstrap_weights(table, 200, seed))
        covered.append(found.low <= truth <= found.high)
    assert 0.93 <= np.mean(covered) <= 0.97, np.mean(covered)


def test_no_lesions_have_no_interval():
    table = simulated(0, 5)
    empty = MatchTable(
        table.scores, np.zeros_like(table.is_tp), table.labels, table.cases, table.lesions * 0, table.case_scores, table.patients
    )
    (found,) = intervals(empty, sensitivity, bootstrap_weights(empty, 20))
    assert np.isnan([found.value, found.low, found.high]).all()


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_wilson_is_that_of_scipy(level):
    from scipy.stats import binomtest

    for total in (1, 2, 11, 400):
        for part in {0, 1, total // 3, total - 1, total}:
            known = binomtest(part, total).proportion_ci(level, method="wilson")
            np.testing.assert_allclose(wilson_interval(part / total, total, level), known, atol=1e-12)
    assert np.isnan(wilson_interval([0.5, 1.0], [0, 0])).all()


def patients_with(found, lesions, patients=None):
    """A table of cases of which nothing is known but their lesions; counts found are apart."""
    count, nothing = len(lesions), np.zeros(0)
    owners = np.arange(count) if patients is None else np.asarray(patients)
    table = MatchTable(
        nothing,
        nothing.astype(bool),
        nothing.astype(int),
        nothing.astype(int),
        np.asarray(lesions)[:, None],
        np.full(count, -np.inf),
        owners,
    )
    return table, np.asarray(found), np.asarray(lesions)


def test_shares_of_which_all_draws_agree_get_the_interval_of_wilson():
    """All of 12 lesions in 6 cases, none, half of them in each case, and 4 of 12 in one patient's cases."""
    for found, share, patients in (([2] * 6, 1, None), ([0] * 6, 0, None), ([1] * 6, 0.5, None), ([2, 2, 0, 0, 0, 0], 1 / 3, [0] * 6)):
        table, part, whole = patients_with(found, [2] * 6, patients)
        weights = bootstrap_weights(table, 100)
        value = share_interval(table, part, whole, weights)
        assert (value.value, value.low, value.high) == pytest.approx((share, *wilson_interval(share, 12)))
        rate = rate_interval(table, part, whole, weights)
        assert rate.value == value.value and np.isnan([rate.low, rate.high]).all()
        assert np.isnan(share_interval(table, part, whole, weights[:0]).low)
    table, part, whole = patients_with([2, 2, 0, 0, 0, 0], [2] * 6)
    value = share_interval(table, part, whole, bootstrap_weights(table, 100))
    assert (value.low, value.high) != pytest.approx(wilson_interval(1 / 3, 12)), "where draws differ the bootstrap stays"


def test_intervals_of_good_detectors_cover_the_truth():
    """A detector that finds 97 % of the lesions, one or two in each of 30 patients, 1000 times: where it finds all, as in a fourth of
    the samples, percentiles alone are a point that misses the truth."""
    generator, covered, alone = np.random.default_rng(0), [], []
    for seed in range(1000):
        lesions = generator.integers(1, 3, 30)
        table, found, lesions = patients_with(generator.binomial(lesions, 0.97), lesions)
        weights = bootstrap_weights(table, 200, seed)
        value = share_interval(table, found, lesions, weights)
        covered.append(value.low <= 0.97 <= value.high)
        low, high = np.quantile((weights @ found) / (weights @ lesions), [0.025, 0.975])
        alone.append(low <= 0.97 <= high)
    assert np.mean(alone) < 0.8 and np.mean(covered) >= 0.93, (np.mean(alone), np.mean(covered))


def test_figures_of_a_perfect_detector():
    """Two lesions in two cases, found without a false alarm: shares have intervals, rates and areas have none."""
    from medtk_monai.metrics.rules import Rules
    from medtk_monai.metrics.summary import summarize

    table = MatchTable(
        np.array([0.9, 0.8]), np.array([True, True]), np.zeros(2, int), np.arange(2), np.array([[1], [1], [0]]),
        np.array([0.9, 0.8, -np.inf]), np.arange(3),
    )  # fmt: skip
    summary = summarize(table, Rules(), {}, Bootstrap(50), {"all": 0.5})
    metrics, (_, low, high) = summary.to_dict(), summary.band()
    two, one = ([float(end) for end in wilson_interval(1.0, total)] for total in (2, 1))
    point = metrics["operating_points"]["all"]
    for name, ends in (("sensitivity", two), ("ppv", two), ("case_sensitivity", two), ("case_specificity", one)):
        assert point[name] == 1 and point[f"{name}_interval"] == pytest.approx(ends)
    assert all(point[f"{name}_interval"] == [None, None] for name in ("f_score", "fp_per_case", "fp_per_healthy_case"))
    assert metrics["froc"]["sensitivity_interval"][0] == pytest.approx(two) and (low[0], high[0]) == pytest.approx(two)
    assert metrics["froc"]["mean_interval"] == metrics["ap_interval"] == metrics["case_auroc_interval"] == [None, None]


def test_identical_runs_are_not_different():
    table = simulated(5, 60)
    found = compare(table, table, sensitivity, 200)
    assert found.p_value == 1 and found.difference.value == found.difference.low == found.difference.high == 0


def test_a_planted_difference_is_found_and_noise_is_not():
    """The second detector misses a fourth of what the first finds; then one of the same kind as the first."""
    first = simulated(6, 200, skill=3)
    kept = ~(first.is_tp & (np.random.default_rng(0).random(len(first.scores)) < 0.25))
    worse = MatchTable(
        first.scores[kept], first.is_tp[kept], first.labels[kept], first.cases[kept], first.lesions, first.case_scores, first.patients
    )
    found = compare(first, worse, sensitivity, 500)
    assert found.p_value < 0.01 and found.difference.high < 0 and found.first > found.second
    jitter = np.random.default_rng(1).normal(0, 0.3, len(first.scores))
    similar = MatchTable(first.scores + jitter, first.is_tp, first.labels, first.cases, first.lesions, first.case_scores, first.patients)
    assert compare(first, similar, sensitivity, 500).p_value > 0.05


def test_p_values_are_uniform_under_the_null():
    """Two detectors of one kind: p falls below 0.1 in about a tenth of 200 pairs."""
    low = []
    for seed in range(200):
        first = simulated(seed, 60, decimals=6)
        generator = np.random.default_rng([seed, 7])
        shift = generator.normal(0, 0.7, (2, len(first.scores)))
        pair = [
            MatchTable(first.scores + s, first.is_tp, first.labels, first.cases, first.lesions, first.case_scores, first.patients)
            for s in shift
        ]
        low.append(compare(*pair, sensitivity, 99, seed).p_value <= 0.1)
    assert 0.04 <= np.mean(low) <= 0.17


def test_other_cases_cannot_be_compared():
    with pytest.raises(ValueError, match="different cases"):
        compare(simulated(0, 5), simulated(1, 6), sensitivity)


def test_a_figure_that_is_undefined_has_no_p_value():
    """All cases have lesions, so that there is no AUROC of cases."""
    table = simulated(0, 8)
    table = replace(table, lesions=np.maximum(table.lesions, 1))
    found = compare(table, table, lambda table, weights: case_aurocs(table, weights), 50)
    assert np.isnan(found.difference.value) and np.isnan(found.p_value)
