"""The contract of all suppressors, and what is particular to each."""

import math

import pytest
import torch

from medtk_monai.box_ops import pairwise_iou
from medtk_monai.structures import Detections
from medtk_monai.suppressors import NMS, DistanceNMS, SoftNMS, WeightedBoxClustering

SUPPRESSORS = [NMS(), DistanceNMS(), SoftNMS(), SoftNMS("linear"), WeightedBoxClustering(), WeightedBoxClustering(0.2, 4)]


def detections(boxes, scores, labels=None):
    boxes = torch.as_tensor(boxes, dtype=torch.float32)
    labels = torch.tensor(labels or [0] * len(scores), dtype=torch.int64)
    return Detections(boxes, torch.tensor(scores, dtype=torch.float32), labels, torch.arange(len(scores)) + 100)


def crowd(number, dims, seed):
    generator = torch.Generator().manual_seed(seed)
    lower = torch.rand(number, dims, generator=generator) * 30 - 10
    boxes = torch.cat([lower, lower + 1 + 6 * torch.rand(number, dims, generator=generator)], dim=1)
    return detections(boxes, torch.rand(number, generator=generator).tolist(), [i % 2 for i in range(number)])


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("suppressor", SUPPRESSORS, ids=str)
class TestContract:
    def test_of_nothing_nothing_is_left(self, suppressor, dims):
        assert len(suppressor(detections(torch.zeros(0, 2 * dims), []))) == 0

    def test_one_of_twins_stays_and_twins_of_two_classes_both_do(self, suppressor, dims):
        box = [-9.0] * dims + [-4.0] * dims
        for labels in ([0, 0, 1], [0, 1, 1]):
            found = suppressor(detections([box] * 3, [0.9, 0.8, 0.7], labels))
            strong = found[found.scores > (0.2 if isinstance(suppressor, SoftNMS) else 0)]
            assert sorted(strong.labels.tolist()) == [0, 1]

    def test_far_ones_all_stay_best_first_with_their_ids(self, suppressor, dims):
        boxes = torch.tensor([[20.0 * i] * dims + [20.0 * i + 4] * dims for i in range(4)])
        found = suppressor(detections(boxes, [0.3, 0.9, 0.5, 0.9]))
        assert found.prior_ids.tolist() == [101, 103, 102, 100]
        torch.testing.assert_close(found.boxes, boxes[[1, 3, 2, 0]])

    def test_scores_descend_and_inputs_stay(self, suppressor, dims):
        given = crowd(80, dims, 0)
        before = given.boxes.clone(), given.scores.clone()
        found = suppressor(given)
        assert 0 < len(found) <= 80 and (found.scores.diff() <= 0).all()
        assert torch.equal(given.boxes, before[0]) and torch.equal(given.scores, before[1])


@pytest.mark.parametrize("dims", [2, 3])
def test_distance_nms_by_its_definition(dims):
    given, spacing = crowd(300, dims, 1), torch.tensor([0.5, 1.0, 2.0])[:dims]
    centers = (given.boxes[:, :dims] + given.boxes[:, dims:]) / 2 * spacing
    expected: list[int] = []
    for i in given.scores.argsort(descending=True).tolist():
        if all((centers[i] - centers[j]).norm() >= 3.0 for j in expected if given.labels[j] == given.labels[i]):
            expected.append(i)
    assert DistanceNMS(3.0, spacing.tolist())(given).prior_ids.tolist() == [i + 100 for i in expected]


@pytest.mark.parametrize("decay", ["linear", "gaussian"])
def test_soft_nms_by_its_definition(decay):
    given = crowd(60, 3, 2)
    scores, left, expected = given.scores.clone(), set(range(60)), []
    while left:
        best = max(left, key=lambda i: scores[i].item())
        if scores[best] < 0.1:
            break
        left.remove(best)
        expected.append((best + 100, scores[best].item()))
        for i in left:
            iou = pairwise_iou(given.boxes[[best]], given.boxes[[i]]).item()
            if given.labels[i] == given.labels[best]:
                scores[i] *= math.exp(-(iou**2) / 0.4) if decay == "gaussian" else (1 - iou if iou > 0.1 else 1)
    found = SoftNMS(decay, sigma=0.4, iou=0.1, score_threshold=0.1)(given)
    assert found.prior_ids.tolist() == [i for i, _ in expected]
    torch.testing.assert_close(found.scores, torch.tensor([s for _, s in expected]))


def test_clustering_averages_by_hand():
    """Squares of side 4, half a voxel apart: IoU 14/18; equal volumes. The third view found nothing."""
    given = detections([[0, 0, 4, 4.0], [0.5, 0, 4.5, 4]], [0.9, 0.6])
    iou = 14 / 18
    (found,) = [WeightedBoxClustering(0.2, 3)(given)]
    moved = 0.5 * iou * 0.6 / (0.9 + iou * 0.6)
    torch.testing.assert_close(found.boxes, torch.tensor([[moved, 0, 4 + moved, 4]]))
    assert found.scores.item() == pytest.approx((0.9 + iou * 0.6) / (1 + iou + (1 + iou) / 2))
    assert found.prior_ids.tolist() == [100]


def test_values_out_of_range_are_refused():
    for build in (lambda: NMS(2), lambda: DistanceNMS(-1), lambda: SoftNMS("cubic"), lambda: WeightedBoxClustering(num_views=0)):
        with pytest.raises(ValueError):
            build()
