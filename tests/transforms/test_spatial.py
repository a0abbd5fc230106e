"""Flips and swaps keep image, boxes and affine together, exactly."""

from dataclasses import replace

import pytest
import torch
from blocks import assert_same_world, measure

from medtk_monai.transforms import RandCropBoxesd, RandFlipBoxesd, RandSwapAxesBoxesd, flip_axes, swap_axes


def square(item):
    """The item cut to equal sizes of the first two axes; all blocks stay inside."""
    side = item["image"].shape[1]
    return item | {"image": item["image"][:, :, :side]}


def assert_consistent(item):
    for number, box in enumerate(item["target"].boxes.tolist(), 1):
        assert measure(item["image"][0], number) == box


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_flip_is_exact(block_item, axes):
    flipped = flip_axes(block_item, axes)
    assert_consistent(flipped)
    assert_same_world(flipped, block_item)
    assert not torch.equal(flipped["target"].boxes, block_item["target"].boxes)


def test_flip_all_axes_is_exact(block_item, dims):
    flipped = flip_axes(block_item, range(dims))
    assert_consistent(flipped)
    assert torch.equal(flip_axes(flipped, range(dims))["image"], block_item["image"])


def test_swap_is_exact(block_item):
    item = square(block_item)
    swapped = swap_axes(item, 0, 1)
    assert_consistent(swapped)
    assert_same_world(swapped, item)
    assert swapped["image"].is_contiguous()
    assert torch.equal(swapped["target"].labels, item["target"].labels)


def test_axes_flip_independently(block_item, dims):
    transform = RandFlipBoxesd(prob=0.5, axes=range(dims)).set_random_state(0)
    seen = {str((torch.linalg.inv(block_item["affine"]) @ transform(block_item)["affine"]).diagonal().sign().tolist()) for _ in range(60)}
    assert len(seen) == 2**dims


def test_random_transforms_repeat_with_their_seed(block_item):
    item = square(block_item)
    for transform in (RandFlipBoxesd(0.5, (0, 1)), RandSwapAxesBoxesd(0.5)):
        draws = [[transform.set_random_state(seed)(item)["image"] for seed in range(8)] for _ in range(2)]
        assert all(torch.equal(a, b) for a, b in zip(*draws))
        assert len({str(image.tolist()) for image in draws[0]}) > 1


@pytest.mark.parametrize("transform", [RandFlipBoxesd(1.0, (0, 1)), RandSwapAxesBoxesd(1.0)])
def test_inputs_stay_untouched_and_are_not_shared(block_item, transform):
    item = square(block_item)
    before = item["image"].clone(), item["target"].boxes.clone(), item["affine"].clone()
    result = transform(item)
    result["image"].add_(1)
    result["target"].boxes.add_(1)
    assert all(torch.equal(a, b) for a, b in zip(before, (item["image"], item["target"].boxes, item["affine"])))


@pytest.mark.parametrize("transform", [RandFlipBoxesd(1.0, (0, 1)), RandSwapAxesBoxesd(1.0)])
def test_empty_target(empty_item, transform, dims):
    assert transform(square(empty_item))["target"].boxes.shape == (0, 2 * dims)


def test_probability_zero_changes_nothing(block_item):
    assert torch.equal(RandFlipBoxesd(0.0, (0, 1))(block_item)["image"], block_item["image"])
    assert torch.equal(RandSwapAxesBoxesd(0.0)(square(block_item))["image"], square(block_item)["image"])


def test_swap_of_unequal_axes_is_refused(block_item):
    with pytest.raises(ValueError, match="differ in size"):
        RandSwapAxesBoxesd(1.0)(block_item)


@pytest.mark.parametrize("kind", [RandFlipBoxesd, RandSwapAxesBoxesd])
def test_probability_is_checked(kind):
    with pytest.raises(ValueError, match="outside"):
        kind(1.5)


def with_mask(item, cut=None):
    """The item with a mask that says what the image shows."""
    return item | {"target": replace(item["target"], mask=item["image"][0].to(torch.uint8), cut=cut)}


def test_masks_move_with_the_image(block_item):
    item = with_mask(square(block_item))
    for moved in (flip_axes(item, (0,)), swap_axes(item, 0, 1), RandCropBoxesd(9, 0.5, overhang=4).set_random_state(0)(item)):
        assert torch.equal(moved["target"].mask, moved["image"][0].to(torch.uint8))


def test_cut_faces_move_with_the_axes(block_item, dims):
    """A patch cut at the lower face of the first axis only."""
    cut = torch.zeros(2 * dims, dtype=torch.bool)
    cut[0] = True
    item = with_mask(square(block_item), cut)
    assert flip_axes(item, (0,))["target"].cut.nonzero().flatten().tolist() == [dims]
    assert flip_axes(item, (1,))["target"].cut.nonzero().flatten().tolist() == [0]
    assert swap_axes(item, 0, 1)["target"].cut.nonzero().flatten().tolist() == [1]


def test_a_crop_knows_at_which_faces_the_image_goes_on(block_item, dims):
    sizes = block_item["image"].shape[1:]
    crop = RandCropBoxesd(8, 0.0, overhang=3)
    for seed in range(30):
        patch = crop.set_random_state(seed)(block_item)
        start = ((torch.linalg.inv(block_item["affine"]) @ patch["affine"])[:-1, -1]).round().tolist()
        goes_on = [s > 0 for s in start] + [s + 8 < n for s, n in zip(start, sizes)]
        assert patch["target"].cut.tolist() == goes_on
