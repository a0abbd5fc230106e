from dataclasses import replace

import pytest
import torch

from medtk_monai.detectors import SegmentationCriterion
from medtk_monai.detectors.segmentation_criterion import draw_ellipsoids, draw_mask
from medtk_monai.structures import DenseOutput, Target


def target(boxes, labels, ignored=None):
    flags = torch.tensor(ignored or [False] * len(boxes), dtype=torch.bool)
    return Target(torch.tensor(boxes) if boxes else torch.zeros(0, 4), torch.tensor(labels, dtype=torch.int64), flags)


def test_an_ellipse_is_drawn_where_cell_centers_lie_in_it():
    drawn = draw_ellipsoids(target([[2, 2, 10, 6.0]], [1]), (6, 4), 2)  # center (6, 4), half axes 4 and 2
    expected = torch.zeros(6, 4, dtype=torch.int64)
    expected[1:5, 1:3] = 2  # centers (3..9, 3..5): (3 - 6)^2 / 16 + 1 / 4 = 0.81
    assert torch.equal(drawn, expected)


def test_volume_of_a_drawn_ball():
    drawn = draw_ellipsoids(target([[2, 2, 2, 22, 22, 22.0]], [0]), (24, 24, 24), 1)
    assert drawn.sum().item() == pytest.approx(4 / 3 * torch.pi * 1000, rel=0.02)


def test_small_objects_lie_on_top_tiny_ones_get_a_cell_and_ignored_ones_none():
    drawn = draw_ellipsoids(
        target([[0, 0, 8, 8.0], [3, 3, 5, 5], [13.9, 13.9, 14.1, 14.1], [8, 0, 16, 8]], [0, 1, 2, 0], [0, 0, 0, 1]), (8, 8), 2
    )
    assert set(drawn[1:3, 1:3].flatten().tolist()) == {1, 2} and (drawn == 3).sum() == 1 and (drawn[4:, :4] == 0).all()
    assert draw_ellipsoids(target([], []), (4, 4), 2).sum() == 0


@pytest.mark.parametrize("dims", [2, 3])
def test_the_right_segmentation_costs_nothing_and_none_at_all_is_differentiable(dims):
    objects = target([[2.0] * dims + [10.0] * dims], [1])
    nothing = Target(torch.zeros(0, 2 * dims), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool))
    drawn = draw_ellipsoids(objects, (8,) * dims, 2)
    logits = 30 * torch.nn.functional.one_hot(drawn, 3).movedim(-1, 0)[None].float()
    criterion = SegmentationCriterion(lambda *_: {"box": torch.zeros(())}, 2, weight=2.0)
    output = DenseOutput((), (), 2, segmentation=logits.requires_grad_())
    assert criterion(output, [objects])["segmentation"] < 1e-4
    wrong = criterion(output, [nothing])
    wrong["segmentation"].backward()
    assert wrong["segmentation"] > 1 and logits.grad.isfinite().all() and set(wrong) == {"box", "segmentation"}


def test_a_network_without_the_branch_is_refused():
    with pytest.raises(ValueError, match="SegmentedHead"):
        SegmentationCriterion(lambda *_: {}, 2)(DenseOutput((), (), 1), [])


@pytest.mark.parametrize("dims", [2, 3])
def test_a_mask_is_used_where_there_is_one_and_cells_take_the_largest_class(dims):
    mask = torch.zeros((8,) * dims, dtype=torch.uint8)
    mask[(slice(2, 4),) * dims] = 1
    mask[(3,) * dims] = 2
    drawn = draw_mask(mask, (4,) * dims)
    assert drawn[(1,) * dims] == 2 and drawn.sum() == 2
    objects = replace(target([[0.0] * dims + [8.0] * dims], [0]), mask=mask)
    logits = 30 * torch.nn.functional.one_hot(drawn, 3).movedim(-1, 0)[None].float()
    losses = SegmentationCriterion(lambda *_: {}, 2)(DenseOutput((), (), 2, segmentation=logits), [objects])
    assert losses["segmentation"] < 1e-4
