"""The ranking of PI-CAI, against scikit-learn and cases worked out by hand."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score
from test_resampling import repeated, simulated
from tiny_cases import detections_at, target_at

from medtk_monai.metrics import PRESETS, Bootstrap, match_detections, parse_rules, summarize, tabulate
from medtk_monai.metrics.weighted import average_precisions_step, picai_scores

PICAI = PRESETS["picai"]


def with_missed(scores, is_tp, lesions):
    """AP of scikit-learn with a row below all others for each lesion that was missed, less what these rows add to it."""
    missed = int(lesions.sum() - is_tp.sum())
    truth, values = np.r_[is_tp, np.ones(missed, bool)], np.r_[scores, np.full(missed, scores.min(initial=0) - 1)]
    return average_precision_score(truth, values) - missed / len(truth)


def summary_of(cases, rules=PICAI, draws=0):
    matches = [match_detections(detections_at(found), target_at(objects), PICAI.hit, pairing=PICAI.pairing) for found, objects in cases]
    table = tabulate(matches, 1)
    return summarize(table, rules, {}, Bootstrap(draws)).to_dict()


@pytest.mark.parametrize("decimals", [0, 1, 6])
def test_agrees_with_scikit_learn_however_cases_weigh(decimals):
    """Scores of 0 decimals nearly all tie; a case of weight 0 is left out, one of weight 3 is there three times."""
    for seed in range(8):
        table = simulated(seed, 12, decimals=decimals)
        weights = np.random.default_rng(seed).integers(0, 4, (4, 12)).astype(float)
        weights[0] = 1
        for row, counts in enumerate(weights.astype(int)):
            scores, is_tp, _, lesions, best = repeated(table, counts)
            ap = with_missed(scores, is_tp, lesions)
            auroc = roc_auc_score(lesions.sum(axis=1) > 0, np.where(np.isinf(best), -99, best))
            assert average_precisions_step(table, weights)[row] == pytest.approx(ap, abs=1e-12)
            assert picai_scores(table, weights)[row] == pytest.approx((ap + auroc) / 2, abs=1e-12)


def test_worked_by_hand():
    """Precision 1 at the first of four lesions, 2/3 at the second, the others missed; healthy case 0.8 against 0.9 and 0.5."""
    found = summary_of([([(0, 0.9)], [(0,), (2,)]), ([(5, 0.8)], []), ([(1, 0.5)], [(1,), (3,)])], draws=50)
    assert found["picai_ap"] == pytest.approx((1 + 2 / 3) / 4) and found["case_auroc"] == 0.5
    assert found["picai_score"] == pytest.approx((0.5 + 5 / 12) / 2)
    for name in ("picai_ap", "picai_score"):
        low, high = found[f"{name}_interval"]
        assert 0 <= low < found[name] < high <= 1


def test_a_further_hit_of_a_lesion_counts_for_its_case_only():
    """IoU decides which of two finds a lesion; the other is no false positive, but its score is the case's. Not so on an ignored object."""
    cases = [([(0, 0.3), (0.2, 0.9)], [(0,)]), ([(0, 0.6)], [])]
    found = summary_of(cases)
    assert found["picai_ap"] == 0.5 and found["case_auroc"] == 1
    ignored = summary_of([([(0, 0.3), (2, 0.9)], [(0,), (2, 0, "ignored")]), ([(0, 0.6)], [])])
    assert ignored["picai_ap"] == 0.5 and ignored["case_auroc"] == 0


def test_only_the_rules_of_picai_have_its_score():
    cases = [([(0, 0.9)], [(0,)]), ([], [])]
    assert summary_of(cases)["picai_score"] == 1
    for name in ("medtk", "luna16", "iou:0.1"):
        assert not [key for key in summary_of(cases, parse_rules(name)) if key.startswith("picai")]


def test_no_lesions_have_no_score():
    found = summary_of([([(0, 0.9)], [])])
    assert found["picai_ap"] is None and found["picai_score"] is None
