import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import box_utils

from medtk_monai import box_ops


def random_boxes(number, dims, seed=0, low=-20.0):
    generator = torch.Generator().manual_seed(seed)
    lower = low + 40 * torch.rand(number, dims, generator=generator)
    return torch.cat([lower, lower + 0.5 + 15 * torch.rand(number, dims, generator=generator)], dim=1)


def oblique_affine(dims):
    """Rotated, scaled, flipped along the first axis, and moved."""
    turn = torch.eye(dims, dtype=torch.float64)
    c, s = np.cos(0.35), np.sin(0.35)
    turn[:2, :2] = torch.tensor([[c, -s], [s, c]])
    affine = torch.eye(dims + 1, dtype=torch.float64)
    affine[:dims, :dims] = turn @ torch.diag(torch.tensor([-0.5, 0.6, 0.8], dtype=torch.float64)[:dims])
    affine[:dims, -1] = torch.tensor([12.0, -3.0, 7.0], dtype=torch.float64)[:dims]
    return affine


@pytest.mark.parametrize("dims", [2, 3])
def test_iou_and_giou_agree_with_monai(dims):
    first, second = random_boxes(30, dims, 1), random_boxes(40, dims, 2)
    torch.testing.assert_close(box_ops.pairwise_iou(first, second), box_utils.box_iou(first, second))
    torch.testing.assert_close(box_ops.pairwise_giou(first, second), box_utils.box_giou(first, second))
    torch.testing.assert_close(box_ops.paired_giou(first, second[:30]), box_utils.box_pair_giou(first, second[:30]))
    torch.testing.assert_close(box_ops.paired_iou(first, second[:30]), box_utils.box_iou(first, second[:30]).diagonal())


def test_iou_is_float32_under_autocast():
    boxes = torch.tensor([[500.0, 500.0, 503.0, 503.0]])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert box_ops.pairwise_iou(boxes, boxes + 1).dtype == torch.float32
        assert box_ops.pairwise_iou(boxes, boxes + 1).item() == pytest.approx(4 / 14)


def test_empty_boxes_have_empty_overlaps():
    none, some = torch.zeros(0, 6), random_boxes(3, 3)
    assert box_ops.pairwise_iou(none, some).shape == (0, 3)
    assert box_ops.pairwise_giou(some, none).shape == (3, 0)
    assert box_ops.nms(none, torch.zeros(0), torch.zeros(0, dtype=torch.int64), 0.5).tolist() == []


def test_degenerate_boxes_have_iou_zero_and_a_finite_gradient():
    flat = torch.tensor([[1.0, 1.0, 1.0, 4.0]], requires_grad=True)
    iou = box_ops.pairwise_iou(flat, flat.detach())
    iou.sum().backward()
    assert iou.item() == 0 and torch.isfinite(flat.grad).all()


@pytest.mark.parametrize("dims", [2, 3])
def test_centers_and_sizes_round_trip(dims):
    boxes = random_boxes(20, dims)
    torch.testing.assert_close(box_ops.boxes_from_centers(box_ops.box_centers(boxes), box_ops.box_sizes(boxes)), boxes)


def test_visible_fraction_of_a_box_cut_by_a_corner():
    boxes = torch.tensor([[-2.0, -2.0, 2.0, 2.0], [1.0, 1.0, 3.0, 3.0], [10.0, 10.0, 12.0, 12.0]])
    assert box_ops.visible_fractions(boxes, (8, 8)).tolist() == [0.25, 1.0, 0.0]


@pytest.mark.parametrize("dims", [2, 3])
def test_world_round_trip_is_exact_for_oblique_scans(dims):
    boxes, affine = random_boxes(20, dims), oblique_affine(dims)
    centers, sizes, direction = box_ops.boxes_to_world(boxes, affine)
    torch.testing.assert_close(box_ops.boxes_from_world(centers, sizes, direction, affine), boxes, atol=1e-4, rtol=0)
    torch.testing.assert_close(sizes, box_ops.box_sizes(boxes).double() * affine[:dims, :dims].norm(dim=0))


def test_a_voxel_is_centered_on_its_affine_position():
    """Voxel (2, 3, 4) covers [2, 3) x [3, 4) x [4, 5), and its center is where the affine puts index (2, 3, 4)."""
    affine = oblique_affine(3)
    centers, sizes, _ = box_ops.boxes_to_world(torch.tensor([[2.0, 3.0, 4.0, 3.0, 4.0, 5.0]]), affine)
    torch.testing.assert_close(centers[0], (affine @ torch.tensor([2.0, 3.0, 4.0, 1.0], dtype=torch.float64))[:3])
    torch.testing.assert_close(sizes[0], torch.tensor([0.5, 0.6, 0.8], dtype=torch.float64))


def test_a_flip_of_the_grid_flips_the_box():
    flip = torch.tensor([[-1.0, 0, 9], [0, 1, 0], [0, 0, 1]])
    assert box_ops.transform_boxes(torch.tensor([[0.0, 2, 1, 5]]), flip).tolist() == [[9, 2, 10, 5]]


def test_a_turned_box_is_hulled_by_all_its_corners():
    turn = oblique_affine(2)
    turn[:2, :2] = torch.tensor([[1.0, -1.0], [1.0, 1.0]]) / 2**0.5
    hull = box_ops.transform_boxes(torch.tensor([[0.0, 0, 4, 4]]), turn)
    torch.testing.assert_close(box_ops.box_sizes(hull), torch.full((1, 2), 4 * 2**0.5))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("number", [1, 7, 600])
def test_nms_keeps_what_monai_keeps(dims, number):
    boxes = random_boxes(number, dims, seed=number, low=0.0)
    scores = torch.rand(number, generator=torch.Generator().manual_seed(3))
    scores[: number // 3] = 0.5  # ties
    kept = box_ops.nms(boxes, scores, torch.zeros(number, dtype=torch.int64), 0.2)
    assert kept.tolist() == box_utils.non_max_suppression(boxes, scores, nms_thresh=0.2).tolist()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 60), st.integers(0, 1000), st.floats(0.05, 0.9))
def test_nms_by_its_definition(number, seed, threshold):
    boxes = random_boxes(number, 2, seed)
    labels = torch.arange(number) % 2
    scores = torch.rand(number, generator=torch.Generator().manual_seed(seed))
    kept = box_ops.nms(boxes, scores, labels, threshold).tolist()
    expected: list[int] = []
    for i in scores.argsort(descending=True, stable=True).tolist():
        rivals = [j for j in expected if labels[j] == labels[i]]
        if not (box_ops.pairwise_iou(boxes[[i]], boxes[rivals]) > threshold).any():
            expected.append(i)
    assert kept == expected


def test_nms_keeps_equal_boxes_of_different_classes_at_negative_coordinates():
    boxes = torch.tensor([[-9.0, -9, -5, -5]]).repeat(2, 1)
    assert len(box_ops.nms(boxes, torch.tensor([0.9, 0.8]), torch.tensor([0, 1]), 0.1)) == 2
