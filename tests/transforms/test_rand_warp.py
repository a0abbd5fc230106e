"""Random patches: what they show, and that everything in an item moves together."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from blocks import SIZES, measure
from monai.transforms import Compose, RandGaussianNoised

from medtk_monai.structures import Target
from medtk_monai.transforms import PatchSampling, RandWarpBoxesd, VisibilityRule, WarpRanges

SIZE = {2: (10, 10), 3: (10, 10, 8)}
EXACT = WarpRanges(flip_prob=0.5, swap_prob=0.5)
BENT = WarpRanges(rotation=40, scale=1.3, stretch=1.2, shear=0.1, elastic=1.0, elastic_spacing=8, flip_prob=0.5)


def patches(item, transform, number=40):
    transform.set_random_state(seed=0)
    return [transform(item) for _ in range(number)]


def test_exact_patches_show_blocks_where_their_boxes_say(block_item, dims):
    transform = RandWarpBoxesd(PatchSampling(SIZE[dims], overhang=0), EXACT, VisibilityRule(1.0, 0.0))
    seen = 0
    for patch in patches(block_item, transform):
        whole = ~patch["target"].ignored
        for box, label in zip(patch["target"].boxes[whole], patch["target"].labels[whole]):
            assert box.tolist() == measure(patch["image"][0], int(label) + 1)
            seen += 1
        assert patch["image"].shape == (1, *SIZE[dims])
    assert seen > 20


@pytest.mark.parametrize("ranges", [EXACT, BENT])
def test_object_patches_show_an_object(block_item, dims, ranges):
    size = {2: (14, 14), 3: (14, 14, 14)}[dims]
    for patch in patches(block_item, RandWarpBoxesd(PatchSampling(size, object_fraction=1, overhang=8), ranges)):
        assert (~patch["target"].ignored).any()


def test_ignored_objects_attract_no_patches(block_item, dims):
    item = block_item | {"target": replace(block_item["target"], ignored=torch.tensor([True, True, False]))}
    for patch in patches(item, RandWarpBoxesd(PatchSampling(SIZE[dims], object_fraction=1))):
        assert patch["target"].labels[~patch["target"].ignored].tolist() == [2]


def test_foreground_patches_are_bright_in_the_middle(dims):
    image = torch.zeros(1, *(60,) * dims)
    image[:, :25] = 1.0
    item = {"image": image, "target": Target(torch.zeros(0, 2 * dims), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool))}
    share = [
        np.mean([patch["image"][(0, *(3,) * dims)] > 0 for patch in patches(item, RandWarpBoxesd(PatchSampling(7, 0, fraction, 0.5)))])
        for fraction in (0.0, 1.0)
    ]
    assert share[0] < 0.7 and share[1] == 1


@pytest.mark.parametrize("ranges", [EXACT, replace(BENT, elastic=0)])
def test_the_affine_follows(block_item, dims, ranges):
    transform = RandWarpBoxesd(PatchSampling(SIZE[dims], overhang=4), ranges)
    transform.set_random_state(seed=1)
    for _ in range(10):
        warp = transform.draw(block_item)
        patch = transform.apply(block_item, warp)
        places = torch.rand(5, dims, dtype=torch.float64) * 10
        ends = torch.ones(5, 1, dtype=torch.float64)
        world = torch.cat([warp.to_image(places) - 0.5, ends], dim=1) @ block_item["affine"].T.double()
        torch.testing.assert_close(torch.cat([places - 0.5, ends], dim=1) @ patch["affine"].T.double(), world)


def test_rotations_are_rigid_in_the_world():
    """Voxels of 1 x 1 x 3 mm: a turn about any axis leaves the lengths in mm as they are."""
    item = {"image": torch.zeros(1, 20, 20, 20), "affine": torch.diag(torch.tensor([1.0, 1, 3, 1], dtype=torch.float64))}
    item["target"] = Target(torch.zeros(0, 6), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool))
    transform = RandWarpBoxesd(8, WarpRanges(rotation=90))
    transform.set_random_state(seed=0)
    for _ in range(5):
        turned = transform(item)["affine"][:3, :3]
        torch.testing.assert_close(turned.T @ turned, torch.diag(torch.tensor([1.0, 1, 9], dtype=torch.float64)))


def test_masks_follow_and_tighten_boxes(dims):
    axes = torch.meshgrid(*(torch.arange(56) + 0.5 for _ in range(dims)), indexing="ij")
    ball = ((torch.stack(axes) - 28).square().sum(dim=0) < 36).to(torch.uint8)
    box = torch.tensor([[22.0] * dims + [34.0] * dims])
    item = {"image": ball[None].float(), "target": Target(box, torch.tensor([0]), torch.tensor([False]), mask=ball)}
    ranges = WarpRanges(rotation=45)
    for extents, tight in (("block", False), ("ellipsoid", True), ("mask", True)):
        for patch in patches(item, RandWarpBoxesd(PatchSampling(26, 1), ranges, extents=extents), 10):
            found = patch["target"].mask.nonzero()
            measured = torch.cat([found.amin(dim=0), found.amax(dim=0) + 1])
            loose = (patch["target"].boxes[0] - measured).abs().max()
            assert loose <= 1 if tight else loose < 8
            np.testing.assert_allclose((patch["image"][0] > 0.5).sum(), found.shape[0], rtol=0.05)


def test_mirror_images_exchange_paired_classes(block_item, dims):
    item = block_item | {"target": replace(block_item["target"], mask=block_item["image"][0].to(torch.uint8))}
    transform = RandWarpBoxesd(PatchSampling(SIZES[dims], 0), WarpRanges(flip_prob=0.5), label_pairs=[(0, 2)])
    transform.set_random_state(seed=3)
    seen = set()
    for _ in range(12):
        warp = transform.draw(item)
        patch, mirrored = transform.apply(item, warp), int((warp.matrix.sum(dim=1) < 0).sum()) % 2 == 1
        assert patch["target"].labels.tolist() == ([2, 1, 0] if mirrored else [0, 1, 2])
        for box, label in zip(patch["target"].boxes, patch["target"].labels):
            assert box.tolist() == measure(patch["target"].mask, int(label) + 1)
        seen.add(mirrored)
    assert seen == {True, False}


def test_turning_exchanges_no_classes(block_item):
    item = {"image": torch.zeros(1, 20, 20), "target": Target(torch.tensor([[5.0, 5, 9, 9]]), torch.tensor([0]), torch.tensor([False]))}
    transform = RandWarpBoxesd(PatchSampling(16, 1), WarpRanges(rotation=180), label_pairs=[(0, 1)])
    assert all(patch["target"].labels.tolist() == [0] for patch in patches(item, transform))


@pytest.mark.parametrize("rotation", [0, 15, 45, 180])
def test_objects_in_corners_are_shown_however_patches_are_turned(dims, rotation):
    boxes = torch.tensor([[0.0] * dims + [4.0] * dims, [60.0] * dims + [64.0] * dims])
    item = {"image": torch.zeros(1, *(64,) * dims), "target": Target(boxes, torch.tensor([0, 1]), torch.zeros(2, dtype=torch.bool))}
    transform = RandWarpBoxesd(PatchSampling(32, object_fraction=1), WarpRanges(rotation=rotation))
    found = patches(item, transform, 60)
    assert all((~patch["target"].ignored).any() for patch in found)
    assert {label for patch in found for label in patch["target"].labels.tolist()} == {0, 1}


@pytest.mark.parametrize("image_size, size", [((128, 128, 16), (64, 64, 16)), ((20, 20, 20), (32, 32, 32))])
def test_turned_patches_stay_on_images_that_cannot_hold_them(image_size, size):
    item = {"image": torch.zeros(1, *image_size), "target": Target(torch.zeros(0, 6), torch.zeros(0).long(), torch.zeros(0) > 0)}
    transform = RandWarpBoxesd(PatchSampling(size), WarpRanges(rotation=30))
    transform.set_random_state(seed=0)
    for _ in range(50):
        middle = transform.draw(item).to_image(torch.tensor([size]) / 2)[0]
        assert ((middle >= 0) & (middle <= torch.tensor(image_size))).all()


@pytest.mark.parametrize("ranges", [EXACT, BENT])
def test_patches_are_made_on_another_device(block_item, dims, ranges):
    """Only what a patch shows goes there; "meta" stands for one."""
    item = block_item | {"target": replace(block_item["target"], mask=block_item["image"][0].to(torch.uint8))}
    patch = RandWarpBoxesd(PatchSampling(SIZE[dims]), ranges, device="meta")(item)
    assert patch["image"].device.type == patch["target"].mask.device.type == "meta" and patch["target"].boxes.device.type == "cpu"


@pytest.mark.parametrize("ranges", [EXACT, BENT])
def test_inputs_stay_untouched_and_draws_repeat(block_item, dims, ranges):
    before = block_item["image"].clone(), block_item["target"].boxes.clone()
    transform = Compose([RandWarpBoxesd(PatchSampling(SIZE[dims]), ranges), RandGaussianNoised("image", prob=1)])
    first, second = (transform.set_random_state(seed=5)(block_item) for _ in range(2))
    assert torch.equal(first["image"], second["image"]) and torch.equal(first["target"].boxes, second["target"].boxes)
    assert torch.equal(block_item["image"], before[0]) and torch.equal(block_item["target"].boxes, before[1])


def test_wrong_arguments_are_named():
    for wrong in ({"prob": 2}, {"scale": 0.5}, {"elastic": 5.0, "elastic_spacing": 20.0}):
        with pytest.raises(ValueError, match="WarpRanges"):
            WarpRanges(**wrong)
    with pytest.raises(ValueError, match="sum at most 1"):
        PatchSampling(8, 0.7, 0.4)
    with pytest.raises(ValueError, match="block, ellipsoid, mask"):
        RandWarpBoxesd(8, extents="boxes")
    item = {"image": torch.zeros(1, 9, 9), "target": Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0) > 0)}
    with pytest.raises(ValueError, match="differ in size"):
        RandWarpBoxesd((4, 6), EXACT)(item)
    with pytest.raises(ValueError, match="overhang"):
        RandWarpBoxesd(PatchSampling(4, overhang=4))(item)


@pytest.mark.parametrize("ranges", [EXACT, BENT])
def test_zeros_lie_around_the_image(block_item, dims, ranges):
    item = block_item | {
        "image": block_item["image"] + 5,
        "target": replace(block_item["target"], mask=torch.ones(SIZES[dims], dtype=torch.uint8)),
    }
    size = {2: (26, 26), 3: (26, 26, 16)}[dims]
    transform = RandWarpBoxesd(PatchSampling(size, overhang=10), ranges, padding_mode="zeros")
    reflecting = RandWarpBoxesd(PatchSampling(size, overhang=10), ranges)
    share = 0.0
    for patch, other in zip(patches(item, transform, 10), patches(item, reflecting, 10)):
        outside = patch["target"].mask == 0
        assert (patch["image"][0][outside] < 5).all() and len(patch["target"]) <= 3
        assert torch.allclose(patch["image"][0][patch["image"][0] >= 5], other["image"][0][patch["image"][0] >= 5], atol=1e-3)
        assert torch.equal(patch["affine"], other["affine"]) and other["target"].mask.all()
        share += float((patch["image"] == 0).float().mean()) / 10
    assert 0.05 < share < 0.9


def test_a_patch_beyond_a_flat_image_is_zero(dims):
    """An axis of one voxel, which an interpolation between two cannot read as it is."""
    image = torch.ones(1, 1, *(20,) * (dims - 1))
    none = Target(torch.zeros(0, 2 * dims), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool))
    transform = RandWarpBoxesd(PatchSampling((9,) * dims, overhang=2), WarpRanges(rotation=10), padding_mode="zeros")
    for patch in patches({"image": image, "target": none}, transform, 10):
        assert patch["image"].amax(dim=tuple(range(2, dims + 1))).min() == 0 and 0 < float(patch["image"].mean()) < 0.4


def test_other_paddings_are_refused():
    with pytest.raises(ValueError, match="choose one of reflect, zeros"):
        RandWarpBoxesd(8, padding_mode="edge")
