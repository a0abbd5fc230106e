"""What ignored objects excuse: by the share of the finding, by the mask where there is one, and as COCO has it for crowds."""

import numpy as np
import pytest
import torch
from coco_ap import coco_ap, coco_outcomes, random_set

from medtk_monai.metrics import CenterInBoxHit, Cover, IoUHit, MaskHit, Outcome, match_detections, tabulate
from medtk_monai.metrics.excuse import shares_inside
from medtk_monai.metrics.weighted import average_precisions
from medtk_monai.structures import Detections, Target

WORDS = {"tp": Outcome.TRUE_POSITIVE, "fp": Outcome.FALSE_POSITIVE, "aside": Outcome.SET_ASIDE}


def found_at(boxes, scores=None):
    boxes = torch.as_tensor(np.asarray(boxes, dtype=np.float64))
    scores = torch.ones(len(boxes)) if scores is None else torch.as_tensor(scores)
    return Detections(boxes, scores, torch.zeros(len(boxes), dtype=torch.int64), torch.arange(len(boxes)))


def objects_at(boxes, ignored):
    boxes = torch.as_tensor(np.asarray(boxes, dtype=np.float64))
    return Target(boxes, torch.zeros(len(boxes), dtype=torch.int64), torch.as_tensor(ignored))


def outcomes_of(boxes, target, hit, excuse=Cover(), masks=None):  # noqa: B008
    return [Outcome(value).name for value in match_detections(found_at(boxes), target, hit, excuse=excuse, masks=masks).outcomes]


@pytest.mark.parametrize("iou", [0.5, 0.75])
def test_average_precision_with_crowds_is_that_of_coco(iou):
    seen = set()
    for seed in range(40):
        cases = random_set(seed)
        matches = []
        for case in cases:
            found, target = found_at(case["found"], case["scores"]), objects_at(case["objects"], case["crowd"])
            matches.append(match_detections(found, target, IoUHit(iou)))
            expected = coco_outcomes(case, iou)
            assert matches[-1].outcomes.tolist() == [WORDS[word] for word in expected]
            seen.update(expected)
        ap = average_precisions(tabulate(matches, 1), np.ones((1, len(cases))))[0]
        assert ap == pytest.approx(coco_ap(cases, iou), abs=1e-9)
    assert seen == set(WORDS)


def hollow():
    """An ignored object whose box is 40 x 40 x 40 mm, and whose mask are two plates of 2 mm at its ends; voxels of 1 x 2 x 2 mm."""
    instances = torch.zeros(60, 30, 30, dtype=torch.int32)
    instances[10:12, 5:25, 5:25] = 1
    instances[48:50, 5:25, 5:25] = 1
    return MaskHit(instances, (1.0, 2.0, 2.0)), objects_at([[10, 10, 10, 50, 50, 50]], [True])


@pytest.mark.parametrize("hit", [IoUHit(0.1), CenterInBoxHit()])
def test_the_mask_decides_where_there_is_one(hit):
    masks, target = hollow()
    in_mask, in_hollow = [10, 20, 20, 12, 24, 24], [28, 28, 28, 32, 32, 32]
    assert outcomes_of([in_mask, in_hollow], target, hit) == ["SET_ASIDE", "SET_ASIDE"]
    assert outcomes_of([in_mask, in_mask, in_hollow], target, hit, masks=masks) == ["SET_ASIDE", "SET_ASIDE", "FALSE_POSITIVE"]


def test_what_finds_an_ignored_object_is_excused_though_its_mask_is_thin():
    masks, target = hollow()
    box = target.boxes[0].tolist()
    assert outcomes_of([box], target, IoUHit(0.5), masks=masks) == ["SET_ASIDE"]
    assert shares_inside(target.boxes, target.boxes, masks).item() == pytest.approx(4 / 40)


def test_rules_of_their_own():
    """A finding at the border of an object's box, of which 0.3 lie inside; and one around the object, eight times as large."""
    target = objects_at([[0, 0, 0, 10, 10, 10]], [True])
    border, around = [7, 0, 0, 17, 10, 10], [-5, -5, -5, 15, 15, 15]
    expected = {
        (IoUHit(0.1), Cover(0.5)): ["SET_ASIDE", "SET_ASIDE"],
        (IoUHit(0.2), Cover(0.5)): ["FALSE_POSITIVE", "FALSE_POSITIVE"],
        (IoUHit(0.2), Cover()): ["SET_ASIDE", "FALSE_POSITIVE"],
        (IoUHit(0.2), "hit"): ["FALSE_POSITIVE", "FALSE_POSITIVE"],
        (IoUHit(0.2), "center"): ["FALSE_POSITIVE", "SET_ASIDE"],
        (CenterInBoxHit(), Cover()): ["FALSE_POSITIVE", "SET_ASIDE"],
        (CenterInBoxHit(), Cover(0.3)): ["SET_ASIDE", "SET_ASIDE"],
    }
    for (hit, excuse), outcomes in expected.items():
        assert outcomes_of([border, around], target, hit, excuse) == outcomes, (hit, excuse)


def test_shares_in_masks_agree_with_a_fine_grid():
    generator = np.random.default_rng(1)
    instances = torch.from_numpy(generator.integers(0, 4, (7, 6, 5)))
    spacing = (0.5, 1.0, 2.0)
    low = generator.uniform(-1, 4, (30, 3))
    boxes = np.round(np.concatenate([low, low + generator.uniform(0.2, 4, (30, 3))], axis=1), 1)
    extent = np.array(instances.shape) * spacing
    shares = shares_inside(
        torch.from_numpy(boxes), torch.tensor([[0.0, 0, 0, *extent]] * 3, dtype=torch.float64), MaskHit(instances, spacing)
    )
    for box, share in zip(boxes, shares.numpy()):
        counts, total = np.zeros(4), 0
        axes = [np.arange(round(a * 10), round(b * 10)) / 10 + 0.05 for a, b in zip(box[:3], box[3:])]
        for point in np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3):
            voxel, total = np.floor(point / spacing).astype(int), total + 1
            if (voxel >= 0).all() and (voxel < instances.shape).all():
                counts[int(instances[tuple(voxel)])] += 1
        np.testing.assert_allclose(share, counts[1:] / total, atol=1e-9)


def test_points_lie_inside_or_not():
    masks, target = hollow()
    points = torch.tensor([[11.0, 20, 20] * 2, [30.0, 30, 30] * 2, [90.0, 0, 0] * 2, [60.0, 20, 20] * 2], dtype=torch.float64)
    assert shares_inside(points, target.boxes)[:, 0].tolist() == [1, 1, 0, 0]
    assert shares_inside(points, target.boxes, masks)[:, 0].tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1])
def test_impossible_shares(share):
    with pytest.raises(ValueError, match="must lie in"):
        Cover(share)
