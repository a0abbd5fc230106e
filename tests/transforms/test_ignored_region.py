"""What ignored objects cover: from files to patches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from blocks import BLOCKS, SIZES, oblique_affine, paint
from monai.transforms import Compose, Orientationd, Spacingd

from medtk_monai.box_ops import box_centers, box_sizes, box_volumes
from medtk_monai.detectors.coverage import untaught_share
from medtk_monai.transforms import LoadCased, RandWarpBoxesd, VisibilityRule, WarpRanges, WorldToVoxelBoxesd
from medtk_monai.transforms.boxes import _ellipsoids

RANGES = WarpRanges(rotation=40, scale=1.2, flip_prob=0.5, swap_prob=0.5)
EXACT = WarpRanges(flip_prob=0.5, swap_prob=0.5)


@pytest.fixture
def item(save, dims):
    affine, mask = oblique_affine(dims, 1), paint(BLOCKS[dims], SIZES[dims])
    return {"case_id": "A", "image": save(mask, affine, "a.nii.gz"), "label_map": save(mask, affine, "mask.nii.gz")}


def prepared(item, dims, *between, **options):
    return Compose([LoadCased(dims, **options), *between, WorldToVoxelBoxesd()])(item)


def test_masks_of_ignored_objects_are_the_region(item, dims):
    found = prepared(item | {"ignored": [False, True, True]}, dims)
    values = found["image"][0].round()
    assert torch.equal(found["target"].ignored_region > 0, (values == 2) | (values == 3))
    assert found["target"].in_region.tolist() == found["target"].ignored.tolist() == [False, True, True]
    assert untaught_share(found["target"]) == pytest.approx(float((values >= 2).double().mean()))


@pytest.mark.parametrize("keep_mask", [False, True])
def test_the_region_is_on_the_grid_that_others_make(item, dims, keep_mask):
    found = (
        prepared(
            item | {"ignored": [False, True, False]},
            dims,
            Orientationd("image", "LPS"[:dims]),
            Spacingd("image", 0.8, mode="nearest"),
            keep_mask=keep_mask,
        )
        if dims == 3
        else prepared(item | {"ignored": [False, True, False]}, dims, Spacingd("image", 0.8, mode="nearest"), keep_mask=keep_mask)
    )
    same = (found["target"].ignored_region > 0) == (found["image"][0] == 2)
    assert found["target"].ignored_region.shape == found["image"].shape[1:] and same.double().mean() > 0.97


def test_nothing_is_carried_where_no_object_is_ignored(item, dims):
    target = prepared(item, dims)["target"]
    assert target.ignored_region is None and target.in_region is None and untaught_share(target) == 0
    patch = RandWarpBoxesd(8, RANGES)(prepared(item, dims))["target"]
    assert patch.ignored_region is None and patch.in_region is None


def test_sizes_ignore_by_the_mask(item, dims):
    target = prepared(item, dims, min_volume_mm3=1e9)["target"]
    assert target.in_region.all() and untaught_share(target) > 0


def test_boxes_are_ignored_by_the_ellipsoids_in_them(item, dims, save):
    boxed = prepared({key: value for key, value in item.items() if key != "label_map"} | as_boxes(item, dims), dims)
    target = boxed["target"]
    region, box = target.ignored_region > 0, target.boxes[1]
    assert 0 < region.sum() <= box_volumes(box[None]).round()
    places = region.nonzero() + 0.5
    relative = (places - box_centers(box)) / (box_sizes(box) / 2)
    assert (relative.square().sum(dim=1) <= 1 + 1e-3).all() and region[tuple(box_centers(box).long())]


def test_ellipsoids_have_their_volume(dims):
    box = torch.tensor([[-4.0, 3.2, 5.0][:dims] + [30.0, 21.7, 29.5][:dims]])
    inside = _ellipsoids(box, (40, 30, 35)[:dims]).double()
    whole = _ellipsoids(box + 5, (40, 30, 40)[:dims]).double()
    assert whole.sum() == pytest.approx(float(box_volumes(box)) * {2: np.pi / 4, 3: np.pi / 6}[dims], rel=0.02)
    assert 0.85 < inside.sum() / whole.sum() < 1


def as_boxes(item, dims):
    """The second of the blocks is ignored."""
    world = LoadCased(dims)(item)["world_boxes"]
    boxes = torch.cat([world.centers, world.sizes], dim=1).tolist()
    return {"boxes": boxes, "labels": [0] * 3, "ignored": [False, True, False], "space": "RAS", "direction": world.direction.tolist()}


@pytest.mark.parametrize("padding_mode", ["reflect", "zeros"])
def test_patches_move_the_region_with_the_image(item, dims, padding_mode):
    whole = prepared(item | {"ignored": [False, True, False]}, dims)
    transform = RandWarpBoxesd(12, EXACT, VisibilityRule(0.7, 0.2), padding_mode=padding_mode)
    transform.set_random_state(seed=0)
    shown = 0
    for _ in range(30):
        patch = transform(whole)
        target = patch["target"]
        assert torch.equal(target.ignored_region > 0, patch["image"][0].round() == 2)
        assert len(target.in_region) == len(target) and not (target.in_region & ~target.ignored).any()
        shown += bool(target.in_region.any())
    assert shown


def test_rest_of_the_target_is_what_it_would_be(item, dims):
    """But for what tells of the region."""
    whole = prepared(item | {"ignored": [False, True, False]}, dims)
    plain = whole | {"target": replace(whole["target"], ignored_region=None, in_region=None)}
    first, second = RandWarpBoxesd(10, RANGES), RandWarpBoxesd(10, RANGES)
    first.set_random_state(seed=1)
    second.set_random_state(seed=1)
    for _ in range(10):
        one, other = first(whole), second(plain)
        assert torch.equal(one["image"], other["image"]) and torch.equal(one["target"].boxes, other["target"].boxes)
        assert torch.equal(one["target"].ignored, other["target"].ignored)
