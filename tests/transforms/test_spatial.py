"""Flips and swaps keep image, boxes and affine together, exactly."""

import pytest
import torch
from blocks import assert_same_world, measure

from medtk_monai.transforms import RandFlipBoxesd, RandSwapAxesBoxesd, flip_axes, swap_axes


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
