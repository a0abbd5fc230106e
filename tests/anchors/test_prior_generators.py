"""The contract of all prior generators."""

import pytest
import torch

from medtk_monai.anchors import AnchorGenerator, CombinedGenerator, PointGenerator, place_in_window
from medtk_monai.anchors.placement import image_grid
from medtk_monai.box_ops import box_centers, box_sizes
from medtk_monai.structures import PriorGrid, Window

SIZES = {2: [(6, 4), (3, 2)], 3: [(6, 4, 3), (3, 2, 3)]}
STRIDES = {2: [(2, 2), 4], 3: [(2, 2, 1), (4, 4, 1)]}


def generators(dims):
    anchors = AnchorGenerator(STRIDES[dims], [[3, (5, 1, 2)[:dims]], [7.5, 9]])
    tall = AnchorGenerator(STRIDES[dims], [[3], [7.5]], ratios=[1, (1, 2, 4)[:dims]])
    return [PointGenerator(STRIDES[dims]), anchors, tall, CombinedGenerator(anchors)]


@pytest.fixture(params=[(dims, kind) for dims in (2, 3) for kind in range(4)], ids=str)
def case(request):
    dims, kind = request.param
    return dims, generators(dims)[kind]


def test_ids_are_unique_and_decode_to_the_cell_whose_center_they_have(case):
    dims, generator = case
    priors = generator(SIZES[dims])
    grid = PriorGrid(tuple(SIZES[dims]), generator.priors_per_cell)
    assert priors.ids.tolist() == list(range(len(grid)))
    levels, cells, _ = grid.decode(priors.ids)
    assert torch.equal(levels, priors.levels)
    torch.testing.assert_close(box_centers(priors.boxes), (cells + 0.5) * priors.strides)


def test_boxes_are_float32_under_autocast(case):
    dims, generator = case
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert generator(SIZES[dims]).boxes.dtype == torch.float32


def test_windows_share_the_priors_of_the_image(case):
    """Two windows with margins number and place their cores' priors as the whole image does; together they have each prior once."""
    dims, generator = case
    image_size = (11, 8, 3)[:dims]
    whole = image_grid(generator, image_size)
    everything = generator(whole.feature_sizes)
    extent = (16, 8, 3)[:dims]
    features = [tuple(int(e // s) for e, s in zip(extent, strides)) for strides in ((2, 2, 1), (4, 4, 1))]
    found = []
    for start, end in ((0, 8), (8, 16)):
        rest = (0,) * (dims - 1)
        window = Window((start - 4, *rest), (start, *rest), (end, *extent[1:]), image_size)
        priors, positions = place_in_window(generator, features, window)
        torch.testing.assert_close(priors.boxes, everything.boxes[priors.ids])
        local = generator(features)[positions]
        shift = torch.tensor([start - 4, *rest] * 2)
        torch.testing.assert_close(local.boxes + shift, priors.boxes)
        found += priors.ids.tolist()
    assert sorted(found) == list(range(len(whole)))


def test_anchor_sizes_are_never_rounded():
    sizes = box_sizes(AnchorGenerator([2], [[1, 3, 4.5, 7]])([(1, 1)]).boxes)
    assert sizes[:, 0].tolist() == [1, 3, 4.5, 7]


def test_ratios_keep_the_volume():
    sizes = box_sizes(AnchorGenerator([2], [[8, (2, 4, 8)]], ratios=[1, (1, 2, 4)])([(1, 1, 1)]).boxes)
    expected = torch.tensor([[8.0, 8, 8], [4, 8, 16], [2, 4, 8], [1, 4, 16]])
    torch.testing.assert_close(sizes, expected)


def test_a_combined_cell_has_its_anchors_and_then_its_point():
    priors = CombinedGenerator(AnchorGenerator([2, 4], [[3, 5], [9, 12]]))([(2, 1), (1, 1)])
    assert priors.points.tolist() == [False, False, True] * 3
    assert box_sizes(priors.boxes)[:, 0].tolist() == [3, 5, 2, 3, 5, 2, 9, 12, 4]


def test_a_selection_has_no_grid_and_all_priors_have_one():
    priors = PointGenerator([2])([(2, 2)])
    assert len(priors.grid) == 4 and priors[priors.ids > 0].grid is None


def test_points_have_the_size_of_their_stride():
    priors = PointGenerator([(2, 3)])([(2, 2)])
    assert box_sizes(priors.boxes).tolist() == [[2, 3]] * 4


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: AnchorGenerator([2, 4], [[3]]), "one per level"),
        (lambda: AnchorGenerator([2], [[0]]), "positive"),
        (lambda: AnchorGenerator([2], [[]]), "one size per level"),
        (lambda: AnchorGenerator([2], [[3]], ratios=[(1, -1)]), "positive"),
        (lambda: PointGenerator([(2, 2, 2)])([(4, 4)]), "one per axis"),
        (lambda: PointGenerator([2])([(4, 4), (2, 2)]), "one stride per level"),
    ],
)
def test_what_does_not_fit_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
