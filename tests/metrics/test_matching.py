from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from monai.apps.detection.metrics.matching import matching_batch
from tiny_cases import detections_at, random_case, target_at

from medtk_monai.box_ops import box_centers
from medtk_monai.errors import DataError
from medtk_monai.metrics import UNMATCHED, Cover, IoUHit, Outcome, match_detections, pool_matches
from medtk_monai.structures import Detections, Target


def iou_loop(first: np.ndarray, second: np.ndarray) -> float:
    dims = len(first) // 2
    overlap = np.prod([max(0.0, min(first[d + dims], second[d + dims]) - max(first[d], second[d])) for d in range(dims)])
    volumes = [np.prod([max(0.0, box[d + dims] - box[d]) for d in range(dims)]) for box in (first, second)]
    return overlap / (sum(volumes) - overlap)


def share_loop(first: np.ndarray, second: np.ndarray) -> float:
    """Of the first box inside of the second."""
    dims = len(first) // 2
    return np.prod(
        [max(0.0, min(first[d + dims], second[d + dims]) - max(first[d], second[d])) / (first[d + dims] - first[d]) for d in range(dims)]
    )


def share_or_hit(first: np.ndarray, second: np.ndarray, threshold: float) -> float:
    """The share where it is at least 0.7, or the IoU hits."""
    return share_loop(first, second) if share_loop(first, second) >= 0.7 or iou_loop(first, second) >= threshold else 0.0


def match_loop(detections: Detections, target: Target, threshold: float, excuse: Callable = share_loop) -> tuple[list[int], list[int]]:
    """The rules in plain words: outcome and object of each detection."""
    found, objects = detections.boxes.double().numpy(), target.boxes.double().numpy()
    outcomes, taken = [Outcome.FALSE_POSITIVE] * len(found), [UNMATCHED] * len(found)
    for i in sorted(range(len(found)), key=lambda i: -detections.scores[i].item()):
        best_object, best_iou = {False: UNMATCHED, True: UNMATCHED}, {False: 0.0, True: 0.0}
        for j in range(len(objects)):
            ignored = bool(target.ignored[j])
            iou = (excuse if ignored else iou_loop)(found[i], objects[j])
            if not ignored and (j in taken or target.labels[j] != detections.labels[i]):
                continue
            if iou >= threshold and iou > best_iou[ignored]:
                best_object[ignored], best_iou[ignored] = j, iou
        if best_object[False] != UNMATCHED:
            outcomes[i], taken[i] = Outcome.TRUE_POSITIVE, best_object[False]
        elif best_object[True] != UNMATCHED:
            outcomes[i], taken[i] = Outcome.SET_ASIDE, best_object[True]
    return outcomes, taken


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("threshold", [0.1, 0.4])
@pytest.mark.parametrize("excuse", [Cover(), Cover(0.7), "hit"])
def test_agrees_with_a_loop(spatial_dims, threshold, excuse):
    generator = torch.Generator().manual_seed(spatial_dims)
    seen = set()
    loops = {Cover(): share_loop, Cover(0.7): lambda *boxes: share_or_hit(*boxes, threshold), "hit": iou_loop}
    for num_objects in range(12):
        found, target = random_case(generator, num_objects, num_classes=2, spatial_dims=spatial_dims)
        matches = match_detections(found, target, IoUHit(threshold), excuse=excuse)
        outcomes, taken = match_loop(found, target, threshold, loops[excuse])
        assert matches.outcomes.tolist() == outcomes
        assert matches.objects.tolist() == taken
        seen.update(outcomes)
    assert len(seen) == 3


def test_agrees_with_monai():
    generator = torch.Generator().manual_seed(7)
    for num_objects in (1, 5, 20):
        found, target = random_case(generator, num_objects)
        target = Target(target.boxes, target.labels, torch.zeros_like(target.ignored))
        found = found[found.scores.argsort(descending=True)]
        matches = match_detections(found, target, IoUHit(0.2))
        arrays = [[part.numpy()] for part in (found.boxes, found.labels, found.scores, target.boxes, target.labels)]
        iou = lambda a, b: np.array([[iou_loop(x, y) for y in b] for x in a])  # noqa: E731
        monai = matching_batch(iou, [0.2], *arrays, gt_ignore=[target.ignored.numpy()])[0][0]
        assert (matches.outcomes == Outcome.TRUE_POSITIVE).tolist() == monai["dtMatches"][0].astype(bool).tolist()


def test_an_overlap_of_exactly_the_threshold_is_a_hit():
    box = torch.tensor([[0.0, 0, 0, 10, 1, 1]])
    found = Detections(torch.tensor([[0.0, 0, 0, 1, 1, 1]]), torch.tensor([0.5]), torch.tensor([0]), torch.tensor([0]))
    target = Target(box, torch.tensor([0]), torch.tensor([False]))
    assert match_detections(found, target, IoUHit(0.1)).outcomes.tolist() == [Outcome.TRUE_POSITIVE]
    assert match_detections(found, target, IoUHit(0.1001)).outcomes.tolist() == [Outcome.FALSE_POSITIVE]


def test_objects_know_who_found_them():
    matches = match_detections(
        detections_at([(2, 0.25), (0, 0.75), (3, 0.5)]), target_at([(0,), (1,), (2,), (3, 0, "ignored")]), IoUHit(0.1)
    )
    assert matches.objects.tolist() == [2, 0, 3]
    np.testing.assert_array_equal(matches.found_scores, [0.75, np.nan, 0.25, np.nan])
    assert matches.missed.tolist() == [False, True, False, False]
    assert matches.count_objects(2).tolist() == [3, 0]


def test_equal_scores_keep_their_order():
    matches = match_detections(detections_at([(0.1, 0.5), (0, 0.5)]), target_at([(0,)]), IoUHit(0.1))
    assert matches.outcomes.tolist() == [Outcome.TRUE_POSITIVE, Outcome.FALSE_POSITIVE]


@dataclass(frozen=True)
class CenterHit:
    """Centers at most so many voxels apart; quality is the negative distance."""

    radius: float
    name: str = "center"

    @property
    def threshold(self) -> float:
        return -self.radius

    def __call__(self, detection_boxes, object_boxes):
        return -torch.cdist(box_centers(detection_boxes), box_centers(object_boxes))


def test_any_hit_rule_can_be_used():
    found, target = detections_at([(0.9, 0.9), (0.1, 0.8)]), target_at([(0,), (1,)])
    assert match_detections(found, target, CenterHit(3)).objects.tolist() == [1, 0]
    assert match_detections(found, target, CenterHit(1)).objects.tolist() == [UNMATCHED, UNMATCHED]


@pytest.mark.parametrize("field", ["scores", "boxes"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_reported_with_the_case(field, bad):
    found = detections_at([(0, 0.5)])
    getattr(found, field).view(-1)[0] = bad
    with pytest.raises(DataError, match="sub-01"):
        match_detections(found, target_at([(0,)]), IoUHit(0.1), "sub-01")
    with pytest.raises(DataError, match="annotated"):
        broken = target_at([(0,)])
        broken.boxes[0, 0] = bad
        match_detections(detections_at([]), broken, IoUHit(0.1))


def test_inputs_stay_untouched_and_gradients_do_no_harm():
    found, target = random_case(torch.Generator().manual_seed(0), 6)
    copies = [x.clone() for x in (found.boxes, found.scores, target.boxes, target.labels, target.ignored)]
    found.boxes.requires_grad_(), found.scores.requires_grad_()
    match_detections(found, target, IoUHit(0.1))
    for copy, now in zip(copies, (found.boxes, found.scores, target.boxes, target.labels, target.ignored)):
        assert torch.equal(copy, now)


def test_half_precision_boxes_are_welcome():
    found = detections_at([(0, 0.5)])
    half = Detections(found.boxes.half(), found.scores.half(), found.labels, found.prior_ids)
    assert match_detections(half, target_at([(0,)]), IoUHit(0.1)).outcomes.tolist() == [Outcome.TRUE_POSITIVE]


def test_matches_can_be_pickled_and_pooled():
    first = match_detections(detections_at([(0, 0.9), (3, 0.8, 1)]), target_at([(0,), (3, 1, "ignored")]), IoUHit(0.1))
    second = match_detections(detections_at([(5, 0.7, 1)]), target_at([(1, 1)]), IoUHit(0.1))
    pooled = pool_matches([pickle.loads(pickle.dumps(case)) for case in (first, second)], num_classes=3)
    np.testing.assert_allclose(pooled.scores, [0.9, 0.7], rtol=1e-6)
    assert pooled.labels.tolist() == [0, 1]
    assert pooled.is_tp.tolist() == [True, False]
    assert pooled.num_objects.tolist() == [1, 1, 0]
    assert pooled.num_cases == 2
    assert len(pool_matches([], num_classes=2).scores) == 0


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.5])
def test_threshold_of_a_hit_is_checked(threshold):
    with pytest.raises(ValueError, match="threshold"):
        IoUHit(threshold)


def test_hits_are_named():
    assert [IoUHit(0.1).name, IoUHit(0.75).name, IoUHit(1).name] == ["iou>=0.1", "iou>=0.75", "iou>=1"]
