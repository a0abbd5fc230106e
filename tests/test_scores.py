"""Scores near 1 keep the order of their logits, from the network's maps to files and figures; others are what they were."""

import json

import numpy as np
import pytest
import torch

from medtk_monai.anchors import AnchorGenerator
from medtk_monai.coders import DeltaCoder
from medtk_monai.detectors import Postprocessor
from medtk_monai.formats.cases import case_prediction, detections_from_case
from medtk_monai.inferers.multi_view_inferer import merge_views
from medtk_monai.metrics import IoUHit, match_detections, tabulate
from medtk_monai.metrics.thresholds import typed_threshold
from medtk_monai.metrics.weighted import froc_sensitivities
from medtk_monai.scores import SATURATED, read_scores, score_and_miss, stored
from medtk_monai.structures import DenseOutput, Target
from medtk_monai.suppressors import NMS, KeepAll, SoftNMS, WeightedBoxClustering

SUPPRESSORS = [KeepAll(), NMS(0.2), SoftNMS(), WeightedBoxClustering(0.2)]
SIDE = 20


def found_in(logits, suppressor, quality=None, top_k=10**6):
    """Detections of a 2D map whose cells have these logits, with one anchor each, so small that none overlap."""
    as_map = lambda values: torch.tensor(values, dtype=torch.float32).reshape(1, 1, SIDE, SIDE)  # noqa: E731
    output = DenseOutput((as_map(logits),), (torch.zeros(1, 4, SIDE, SIDE),), 1, None if quality is None else (as_map(quality),))
    postprocessor = Postprocessor(AnchorGenerator([8], [[4]]), DeltaCoder(), suppressor, 0.02, top_k, 10**6)
    return postprocessor(output, (8 * SIDE, 8 * SIDE))[0]


def shuffled(low, high):
    return np.random.default_rng(0).permutation(np.linspace(low, high, SIDE**2)).tolist()


@pytest.mark.parametrize("suppressor", SUPPRESSORS)
@pytest.mark.parametrize("low, high", [(-2, 30), (14, 30), (11.1, 11.3)])
def test_the_order_of_saturated_scores_is_that_of_the_logits(suppressor, low, high):
    logits = shuffled(low, high)
    found = found_in(logits, suppressor)
    assert found.prior_ids.tolist() == np.argsort(logits)[::-1].tolist()
    again = detections_from_case(json.loads(json.dumps(case_prediction(found, torch.eye(3), "a", ""))), torch.eye(3))
    assert again.prior_ids.tolist() == found.prior_ids.tolist()
    assert len(again.scores.unique()) == len(logits)
    merged = merge_views([again, again], 0.5, 10**6)
    assert merged.prior_ids.tolist() == found.prior_ids.tolist() and len(merged.scores.unique()) == len(logits)
    assert found.boxes.dtype == merged.boxes.dtype == torch.float32


def test_the_best_of_saturated_scores_are_the_candidates():
    logits = shuffled(17, 30)
    assert found_in(logits, KeepAll(), top_k=25).prior_ids.tolist() == np.argsort(logits)[::-1][:25].tolist()


@pytest.mark.parametrize("with_quality", [False, True])
def test_scores_are_those_of_exact_arithmetic(with_quality):
    logits, quality = shuffled(-3, 30), shuffled(30, 10) if with_quality else None
    found = found_in(logits, KeepAll(), quality)
    exact = 1 / (1 + np.exp(-np.array(logits, dtype=np.longdouble)))
    if quality is not None:
        exact = np.sqrt(exact / (1 + np.exp(-np.array(quality, dtype=np.longdouble))))
    missing = (1 - exact)[found.prior_ids.numpy()]
    high = found.scores.numpy() > SATURATED
    np.testing.assert_allclose((1 - found.scores.numpy())[high], missing[high].astype(float), rtol=1e-3, atol=2e-16)
    np.testing.assert_allclose(found.scores.numpy()[~high], (1 - missing)[~high].astype(float), atol=2e-7)
    assert 0 < high.sum() < len(high)


@pytest.mark.parametrize("suppressor", SUPPRESSORS)
def test_nothing_changes_where_nothing_saturates(suppressor):
    found = found_in(shuffled(-5, 11), suppressor)
    assert found.scores.dtype == torch.float32
    plain = torch.tensor(shuffled(-5, 11)).sigmoid()
    if not isinstance(suppressor, WeightedBoxClustering):  # which weighs, and so rounds
        assert torch.equal(found.scores, plain[found.prior_ids])
    case = case_prediction(found, torch.eye(3), "a", "")
    assert case["scores"] == [float(str(score)) for score in found.scores.numpy()]
    assert torch.equal(read_scores(case["scores"]), found.scores)


def test_other_scores_keep_float32_beside_saturated_ones():
    mixed = found_in(shuffled(-5, 30), NMS(0.2)).scores
    low = mixed[mixed <= SATURATED]
    assert mixed.dtype == torch.float64 and torch.equal(low.float().double(), low) and 0 < len(low) < len(mixed)
    assert torch.equal(read_scores(stored(mixed)), mixed)
    assert torch.equal(read_scores([0.1, 0.7, 1.0, 3.0]), torch.tensor([0.1, 0.7, 1.0, 3.0]))


def test_figures_tell_saturated_scores_apart():
    """The best 200 of 400 cells are objects: no false alarm comes before them, which a tie of all could not tell."""
    logits = shuffled(17, 30)
    found = found_in(logits, NMS(0.2))
    target = Target(found.boxes[:200], found.labels[:200], torch.zeros(200, dtype=torch.bool))
    table = tabulate([match_detections(found, target, IoUHit(0.5))], 1)
    assert froc_sensitivities(table, np.ones((1, 1)), [0.5], "step")[0, 0] == 1
    single = match_detections(type(found)(found.boxes, found.scores.float(), found.labels, found.prior_ids), target, IoUHit(0.5))
    assert froc_sensitivities(tabulate([single], 1), np.ones((1, 1)), [0.5], "step")[0, 0] < 1


def test_thresholds_are_compared_as_scores_are():
    for value in (0.1, 0.7, 0.99999, 0.9999999999, 1.0, 5.3):
        assert read_scores([value]).double().item() == typed_threshold(value)


def test_gradients_and_nan_pass():
    logits = torch.tensor([0.5, 20.0, float("nan")], requires_grad=True)
    scores, miss = score_and_miss(logits)
    assert scores.isnan().tolist() == miss.isnan().tolist() == [False, False, True]
    with pytest.raises(Exception, match="no numbers"):
        found_in([float("nan"), *shuffled(0, 1)[1:]], KeepAll())
