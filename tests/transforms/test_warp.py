"""The mapping of patches: images against SciPy, boxes against what is measured in the warped image."""

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from medtk_monai.box_ops import box_centers
from medtk_monai.transforms.rand_warp import WarpRanges
from medtk_monai.transforms.warp import Warp, control_points, read_warped, warp_boxes, warp_masked_boxes

SIZES = {2: (24, 30), 3: (24, 30, 20)}
RANGES = WarpRanges(rotation=180, scale=1.4, stretch=1.2, shear=0.2, elastic=2.5, elastic_spacing=16, flip_prob=0.5, swap_prob=0.5)


def random_warp(dims, seed, ranges=RANGES, middle=None, size=(22, 26, 24)):
    random, size = np.random.RandomState(seed), size[:dims]
    matrix = torch.from_numpy(ranges.draw_matrix(random, dims, np.ones(dims)))
    control = ranges.draw_control(random, size)
    middle = torch.tensor(SIZES[dims]) / 2 if middle is None else middle
    offset = torch.as_tensor(middle, dtype=torch.float64) - matrix @ (torch.tensor(size, dtype=torch.float64) / 2)
    return Warp(size, matrix, offset, control, ranges.elastic_spacing)


def finer(warp, times):
    """The same patch in smaller voxels."""
    control = None if warp.control is None else warp.control * times
    size = tuple(n * times for n in warp.size)
    return replace(warp, size=size, matrix=warp.matrix / times, control=control, spacing=warp.spacing * times)


def patch_places(warp):
    axes = [torch.arange(n, dtype=torch.float64) + 0.5 for n in warp.size]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, -2)


@pytest.mark.parametrize("dims, seed", product((2, 3), range(4)))
@pytest.mark.parametrize("shift", [0, 40, -300])
def test_images_are_those_of_scipy(dims, seed, shift):
    """Inside the image, across its border, and so far outside that it is reflected many times."""
    image = np.random.default_rng(seed).normal(size=(2, *SIZES[dims])).astype(np.float32)
    warp = random_warp(dims, seed, middle=[n / 2 + shift for n in SIZES[dims]])
    index = (warp.to_image(patch_places(warp)) - 0.5).numpy().T
    expected = np.stack([map_coordinates(channel.astype(np.float64), index, order=1, mode="mirror") for channel in image])
    np.testing.assert_allclose(read_warped(torch.from_numpy(image), warp).numpy().reshape(2, -1), expected, atol=5e-3)
    assert read_warped(torch.from_numpy(image), warp).shape == (2, *warp.size)


@pytest.mark.parametrize("dims", [2, 3])
def test_flips_and_right_angles_move_voxels_exactly(dims):
    image = torch.randn(1, *SIZES[dims], generator=torch.Generator().manual_seed(0))
    mask = (image[0] > 0).to(torch.uint8)
    box = torch.tensor([[3.0, 4, 5, 8, 12, 9]])[:, [*range(dims), *range(3, 3 + dims)]]
    for order in permutations(range(dims)):
        for flips in product((1, -1), repeat=dims):
            matrix = torch.zeros(dims, dims, dtype=torch.float64)
            for axis, (shown, sign) in enumerate(zip(order, flips)):
                matrix[shown, axis] = sign
            size = tuple(SIZES[dims][axis] for axis in order)
            offset = torch.tensor([n if matrix[axis].sum() < 0 else 0 for axis, n in enumerate(SIZES[dims])], dtype=torch.float64)
            warp = Warp(size, matrix, offset)
            flipped = [axis for axis, sign in enumerate(flips) if sign < 0]
            assert torch.equal(read_warped(image, warp)[0], image[0].permute(order).flip(flipped))
            assert torch.equal(read_warped(mask[None], warp, nearest=True)[0], mask.permute(order).flip(flipped))
            painted = torch.zeros(SIZES[dims])
            painted[tuple(slice(int(a), int(b)) for a, b in zip(*box[0].chunk(2)))] = 1
            where = read_warped(painted[None], warp)[0].nonzero()
            measured = torch.cat([where.amin(dim=0), where.amax(dim=0) + 1]).float()
            assert torch.equal(warp_boxes(box, warp)[0], measured)


@pytest.mark.parametrize("dims, seed", product((2, 3), range(3)))
def test_interpolating_and_moving_agree_where_both_can(dims, seed):
    """The same crop by both paths: a displacement of 0 makes it interpolate."""
    image = torch.randn(1, *SIZES[dims], generator=torch.Generator().manual_seed(seed))
    warp = random_warp(dims, seed, WarpRanges(flip_prob=0.5, swap_prob=0.5), size=(16, 16, 16))
    warp = replace(warp, offset=warp.offset.round() - 7)
    still = replace(warp, control=torch.zeros(dims, *control_points(warp.size, 16.0), dtype=torch.float64))
    torch.testing.assert_close(read_warped(image, still), read_warped(image, warp), atol=1e-4, rtol=0)


@pytest.mark.parametrize("dims, seed", product((2, 3), range(5)))
def test_boxes_are_what_is_measured_in_the_warped_image(dims, seed):
    """A labelled block and ellipsoid, rendered through the image path in small voxels."""
    size = (70, 80, 60)[:dims]  # so that the patch shows no reflected copies
    lower, upper = torch.tensor([31, 37, 25][:dims]), torch.tensor([38, 43, 34][:dims])
    boxes = torch.cat([lower, upper])[None].float()
    warp = random_warp(dims, seed, size=(28, 28, 28), middle=box_centers(boxes)[0])
    times = 3
    index = torch.stack(torch.meshgrid(*(torch.arange(n) + 0.5 for n in size), indexing="ij"))
    shape = (dims, *(1,) * dims)
    offsets = (index - ((lower + upper) / 2).view(shape)) / ((upper - lower) / 2).view(shape)
    block, ball = (offsets.abs() < 1).all(dim=0), offsets.square().sum(dim=0) < 1

    def measure(mask):
        where = read_warped(mask.to(torch.uint8)[None], finer(warp, times), nearest=True)[0].nonzero() / times
        return torch.cat([where.amin(dim=0), where.amax(dim=0) + 1 / times])

    for found in (warp_boxes(boxes, warp), warp_masked_boxes(boxes, torch.tensor([0]), block.to(torch.uint8), warp)):
        torch.testing.assert_close(found[0], measure(block), atol=0.5, rtol=0)
    tight = warp_masked_boxes(boxes, torch.tensor([0]), ball.to(torch.uint8), warp)[0]
    torch.testing.assert_close(tight, measure(ball), atol=0.5, rtol=0)
    torch.testing.assert_close(warp_boxes(boxes, warp, round_objects=True)[0], tight, atol=1.0, rtol=0)


@pytest.mark.parametrize("dims", [2, 3])
def test_the_ellipsoid_of_a_large_box_is_exact(dims):
    """Where a smooth field, rendered by linear interpolation, falls below the ellipsoid's surface."""
    size = (160,) * dims
    index = torch.stack(torch.meshgrid(*(torch.arange(n) + 0.5 for n in size), indexing="ij")) - 80
    half = torch.tensor([30.0, 18, 24][:dims])
    field = (index / half.view(dims, *(1,) * dims)).square().sum(dim=0)
    for elastic in (0, 4):
        ranges = WarpRanges(rotation=60, shear=0.2, stretch=1.2, elastic=elastic, elastic_spacing=40)
        warp = random_warp(dims, 3, ranges, middle=[80.0] * dims, size=(90, 90, 90))
        where = (read_warped(field[None], warp)[0] < 1).nonzero()
        measured = torch.cat([where.amin(dim=0), where.amax(dim=0) + 1]).float()
        found = warp_boxes(torch.cat([80 - half, 80 + half])[None], warp, round_objects=True)[0]
        torch.testing.assert_close(found, measured, atol=0.6, rtol=0)
        assert (warp_boxes(torch.cat([80 - half, 80 + half])[None], warp)[0] - measured).abs().max() > 3


@pytest.mark.parametrize("dims, seed", product((2, 3), range(5)))
def test_places_map_back(dims, seed):
    ranges = replace(RANGES, elastic=16 / 6)
    warp = random_warp(dims, seed, ranges)
    control = torch.from_numpy(np.random.RandomState(seed).choice([-1.0, 1.0], warp.control.shape)) * ranges.elastic
    warp = replace(warp, control=control)  # the steepest there is
    places = patch_places(warp)[::7]
    assert (warp.to_patch(warp.to_image(places)) - places).abs().max() < 1e-2


def test_displacements_that_fold_space_are_refused():
    control = torch.full((2, *control_points((8, 8), 6.0)), 1.1, dtype=torch.float64)
    with pytest.raises(ValueError, match="spacing / 6 = 1"):
        Warp((8, 8), torch.eye(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64), control, 6.0)


@pytest.mark.parametrize("dims", [2, 3])
def test_only_the_shown_region_is_read(dims):
    size = (200, 180, 60)[:dims]
    image = torch.full((1, *size), torch.nan)
    middle = [60.0, 90, 30][:dims]
    image[(0, *(slice(int(m) - 30, int(m) + 30) for m in middle))] = 1.0
    found = read_warped(image, random_warp(dims, 1, middle=middle, size=(20, 20, 20)))
    torch.testing.assert_close(found, torch.ones_like(found))


def test_other_types_keep_theirs():
    image = (torch.randn(1, 24, 30) * 100).to(torch.int16)
    assert read_warped(image, random_warp(2, 0)).dtype == torch.int16
    assert read_warped(image.half(), random_warp(2, 0)).dtype == torch.float16
    assert read_warped(torch.full((1, 24, 30), 1000, dtype=torch.int16), random_warp(2, 0)).eq(1000).all()


def test_masks_of_boxes_outside_the_image_are_not_looked_for_inside():
    warp = Warp((20, 20), torch.eye(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64))
    box = torch.tensor([[-12.0, -12, -5, -5]])
    assert torch.equal(warp_masked_boxes(box, torch.tensor([0]), torch.ones(20, 20, dtype=torch.uint8), warp), box)
