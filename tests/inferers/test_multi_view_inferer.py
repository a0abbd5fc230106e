"""Views of an image, and what is found in them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medtk_monai.anchors import AnchorGenerator, PointGenerator
from medtk_monai.anchors.placement import image_grid
from medtk_monai.box_ops import boxes_from_centers
from medtk_monai.inferers import MultiViewInferer, NetworkEnsemble, View, WindowedInferer, mirror_views
from medtk_monai.structures import Detections
from tests.inferers.marked import STRIDE, MarkNetwork, mark, postprocessor

CELLS = {2: [(1, 2), (6, 3), (3, 7)], 3: [(1, 2, 0), (4, 3, 2), (2, 0, 3)]}


def marked_image(dims, cells=(8, 10, 5)):
    image = torch.zeros(1, *(n * STRIDE for n in cells[:dims]))
    for number, cell in enumerate(CELLS[dims]):
        mark(image, cell, 1.0 - 0.1 * number, number % 2)
    return image


def as_tuples(found):
    boxes = (tuple(round(value, 3) for value in box) for box in found.boxes.tolist())
    return list(zip(found.prior_ids.tolist(), found.labels.tolist(), boxes, (round(score, 4) for score in found.scores.tolist())))


@pytest.mark.parametrize("dims", [2, 3])
def test_all_mirror_images_together_find_what_one_view_finds(dims):
    image, network = marked_image(dims)[None], MarkNetwork()
    one = WindowedInferer(postprocessor(), 24, 4)
    (expected,) = one(image, network)
    assert [label for _, label, *_ in as_tuples(expected)] == [0, 1, 0]
    many = MultiViewInferer(one, mirror_views(dims), label_pairs=[(0, 1)])
    (found,) = many(image, network)
    assert as_tuples(found) == as_tuples(expected)


def test_without_label_pairs_mirrored_sides_disagree():
    image = marked_image(2)[None]
    (found,) = MultiViewInferer(WindowedInferer(postprocessor(), 24, 4), mirror_views(2))(image, MarkNetwork())
    assert len(found) == 6 and sorted(found.labels.tolist()) == [0, 0, 0, 1, 1, 1]


def test_one_view_and_one_network_is_the_windowed_inferer_itself():
    image, network = marked_image(3)[None], MarkNetwork()
    inferer = WindowedInferer(postprocessor(), 24, 4)
    assert as_tuples(MultiViewInferer(inferer)(image, network)[0]) == as_tuples(inferer(image, network)[0])


def test_an_object_that_one_of_two_networks_misses_scores_half():
    image, inferer = marked_image(2)[None], WindowedInferer(postprocessor(), 24, 4)
    (alone,) = inferer(image, MarkNetwork())
    (both,) = MultiViewInferer(inferer)(image, NetworkEnsemble([MarkNetwork(), MarkNetwork(-30.0)]))
    torch.testing.assert_close(both.scores, alone.scores / 2)
    (same,) = MultiViewInferer(inferer)(image, NetworkEnsemble([MarkNetwork(), MarkNetwork()]))
    torch.testing.assert_close(same.scores, alone.scores)


@pytest.mark.parametrize("scale", [2.0, 0.5, 1.3])
def test_a_scaled_view_finds_what_lies_there(scale):
    image = torch.zeros(1, 1, 62, 50)
    image[..., 24:40, 16:40] = 1
    image[..., 24:40, 16:40] += 1e-3 * torch.rand(16, 24, generator=torch.Generator().manual_seed(0))
    (found,) = MultiViewInferer(WindowedInferer(postprocessor(max_detections=999), 200, 8), [View(scale=scale)])(image, MarkNetwork())
    lower, upper = found.boxes.amin(0)[:2], found.boxes.amax(0)[2:]
    tolerance = STRIDE / scale / 2 + 0.5
    torch.testing.assert_close(torch.cat([lower, upper]), torch.tensor([24.0, 16, 40, 40]), atol=tolerance, rtol=0)
    sizes = found.boxes[:, 2:] - found.boxes[:, :2]
    ratio = torch.tensor([62 / round(62 * scale), 50 / round(50 * scale)])
    torch.testing.assert_close(sizes, (STRIDE * ratio).expand_as(sizes))
    levels, cells, _ = image_grid(postprocessor().generator, (62, 50)).decode(found.prior_ids)
    assert (((cells + 0.5) * STRIDE - (found.boxes[:, :2] + found.boxes[:, 2:]) / 2).abs() <= STRIDE / 2).all()


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_boxes_and_priors_come_back(data):
    dims = data.draw(st.integers(2, 3))
    size = data.draw(st.tuples(*[st.integers(1, 30)] * dims))
    flips = tuple(axis for axis in range(dims) if data.draw(st.booleans()))
    generator = data.draw(st.sampled_from([PointGenerator([2, 4]), AnchorGenerator([2, 4], [[3, 5], [8, 12]])]))
    view, grid = View(flips), image_grid(generator, size)
    ids = torch.tensor(data.draw(st.lists(st.integers(0, len(grid) - 1), min_size=1, max_size=5)))
    levels, cells, anchors = grid.decode(ids)
    strides = torch.tensor([2.0, 4.0])[levels][:, None]
    boxes = boxes_from_centers((cells + 0.5) * strides, torch.ones(len(ids), dims))
    found = Detections(boxes, torch.rand(len(ids)), torch.zeros(len(ids), dtype=torch.int64), ids)
    back = view.bring_back(view.bring_back(found, size, generator), size, generator)
    torch.testing.assert_close(back.boxes, boxes)
    moved = view.bring_back(found, size, generator)
    new_levels, new_cells, new_anchors = grid.decode(moved.prior_ids)
    assert torch.equal(new_levels, levels) and torch.equal(new_anchors, anchors)
    centers = (moved.boxes[:, :dims] + moved.boxes[:, dims:]) / 2
    inside = ((centers > 0) & (centers < torch.tensor(size))).all(dim=1)
    assert (((new_cells + 0.5) * strides - centers).abs().amax(dim=1) <= strides[:, 0] / 2)[inside].all()
    if all(n % 4 == 0 for n in size):
        assert torch.equal(back.prior_ids, ids)


def test_masks_are_shown_like_images():
    mask = torch.zeros(1, 6, 4, dtype=torch.bool)
    mask[0, 1, 3] = True
    shown = View((0,), 2.0).show_mask(mask)
    assert shown.shape == (1, 12, 8) and shown[0, 8:10, 6:8].all() and not shown[0, :7].any() and not shown[0, :, :5].any()


def test_views_of_mirrors_begin_with_the_image_and_are_all_different():
    views = mirror_views(3)
    assert views[0] == View() and len(set(views)) == 8 and mirror_views(3, 4) == views[:4]
    assert [view.flips for view in views[1:4]] == [(0,), (1,), (2,)]


@pytest.mark.parametrize("wrong", [{"flips": (-1,)}, {"flips": (0, 0)}, {"scale": 0.0}])
def test_wrong_views_are_refused(wrong):
    with pytest.raises(ValueError, match="different axes"):
        View(**wrong)


def test_masks_reach_every_view():
    image, inferer = marked_image(2)[None], WindowedInferer(postprocessor(), 12, 4)
    mask = torch.zeros(1, 1, *image.shape[2:], dtype=torch.bool)
    mask[0, 0, 1 * STRIDE, 2 * STRIDE] = True
    (found,) = MultiViewInferer(inferer, mirror_views(2), label_pairs=[(0, 1)])(image, MarkNetwork(), mask)
    (expected,) = inferer(image, MarkNetwork(), mask)
    assert as_tuples(found) == as_tuples(expected) and len(found) == 1
