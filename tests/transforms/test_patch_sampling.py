"""Where patches are taken: pixels against NumPy's reflection, boxes against the painted blocks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from blocks import measure

from medtk_monai.structures import Target
from medtk_monai.transforms import PatchSampling, RandWarpBoxesd


def crop(size, object_fraction=0.7, overhang=0):
    return RandWarpBoxesd(PatchSampling(size, object_fraction, overhang=overhang))


def start_of(patch, item):
    """The patch's first voxel, read from the affines."""
    moved = torch.linalg.inv(item["affine"]) @ patch["affine"]
    return moved[:-1, -1].round().int().tolist()


def reflected(image, start, size, pad=48):
    """The region of a (C, *spatial) array, by NumPy's reflection, which goes to and fro as often as needed."""
    padded = np.pad(image, [(0, 0)] + [(pad, pad)] * len(size), mode="reflect")
    return padded[(slice(None), *(slice(a + pad, a + pad + length) for a, length in zip(start, size)))]


def target_of(boxes, ignored=None):
    boxes = torch.tensor(boxes, dtype=torch.float32)
    return Target(boxes, torch.arange(len(boxes)), torch.tensor(ignored or [False] * len(boxes)))


@pytest.mark.parametrize(("patch", "overhang"), [(8, 0), (8, 5), (15, 3), (50, 0), (50, 7)])
def test_pixels_follow_numpy(block_item, dims, patch, overhang):
    item = block_item | {"image": torch.randn_like(block_item["image"]).repeat(2, *[1] * dims)}
    transform = crop(patch, object_fraction=0.5, overhang=overhang).set_random_state(1)
    for _ in range(8):
        result = transform(item)
        np.testing.assert_array_equal(result["image"], reflected(item["image"].numpy(), start_of(result, item), [patch] * dims))
        assert result["image"].is_contiguous()


def test_axis_of_one_voxel_is_repeated():
    image = torch.arange(6.0).reshape(1, 6, 1)
    none = Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool))
    patch = crop((4, 3))({"image": image, "target": none})["image"]
    assert patch.shape == (1, 4, 3)
    assert (patch == patch[:, :, :1]).all()


@pytest.mark.parametrize("overhang", [0, 4])
def test_starts_cover_their_range(empty_item, dims, overhang):
    transform = crop(10, overhang=overhang).set_random_state(0)
    starts = np.array([start_of(transform(empty_item), empty_item) for _ in range(400)])
    size = np.array(empty_item["image"].shape[1:])
    assert (starts.min(0) == -overhang).all()
    assert (starts.max(0) == size - 10 + overhang).all()


@pytest.mark.parametrize(("patch", "overhang"), [(6, 0), (9, 4), (30, 0)])
def test_boxes_stay_with_their_blocks(block_item, dims, patch, overhang):
    transform = crop(patch, object_fraction=0.5, overhang=overhang).set_random_state(2)
    kept = 0
    for _ in range(40):
        result = transform(block_item)
        start = start_of(result, block_item)
        real = np.zeros([patch] * dims)
        real[tuple(slice(max(-a, 0), extent - a) for a, extent in zip(start, block_item["image"].shape[1:]))] = 1
        for label, box in zip(result["target"].labels.tolist(), result["target"].boxes.tolist()):
            if not real[tuple(slice(int(low), int(high)) for low, high in zip(box[:dims], box[dims:]))].any():
                continue  # a mirror image
            assert measure(result["image"][0].numpy() * real, label + 1) == box
            kept += 1
    assert kept > 20


def test_object_patches_hold_a_whole_object_at_any_place(block_item, dims):
    transform = crop(8, object_fraction=1.0).set_random_state(3)
    seen, places = set(), set()
    for _ in range(200):
        result = transform(block_item)
        whole = [label for label in range(3) if (result["image"] == label + 1).sum() == (block_item["image"] == label + 1).sum()]
        assert whole
        seen.update(whole)
        first = result["target"].labels == 0
        places.update(result["target"].boxes[first & ~result["target"].ignored][:, 0].tolist())
    assert seen == {0, 1, 2}
    assert len(places) >= 2


def test_ignored_objects_are_not_sought(block_item):
    boxes = block_item["target"].boxes
    item = block_item | {"target": Target(boxes, torch.arange(3), torch.tensor([True, False, True]))}
    transform = crop(8, object_fraction=1.0).set_random_state(4)
    assert all((transform(item)["image"] == 2).any() for _ in range(50))
    everything_ignored = block_item | {"target": Target(boxes, torch.arange(3), torch.ones(3, dtype=torch.bool))}
    assert any(not (transform(everything_ignored)["image"] > 0).any() for _ in range(100))


def test_share_of_object_patches():
    item = {"image": torch.zeros(1, 60, 60), "target": target_of([[29, 29, 31, 31]])}
    transform = crop(4, object_fraction=0.7).set_random_state(5)
    share = np.mean([len(transform(item)["target"]) > 0 for _ in range(600)])
    assert 0.64 < share < 0.77


def test_object_larger_than_the_patch_fills_it():
    item = {"image": torch.zeros(1, 100, 100), "target": target_of([[20, 30, 70, 50]])}
    transform = crop(30, object_fraction=1.0).set_random_state(6)
    for _ in range(20):
        box = transform(item)["target"].boxes[0].tolist()
        assert (box[0], box[2]) == (0, 30)
        assert box[3] - box[1] == 20


def test_fractional_boxes_fit_whenever_they_can():
    item = {"image": torch.zeros(1, 40, 40), "target": target_of([[10.5, 10.2, 14.5, 13.9]])}
    transform = crop((5, 4), object_fraction=1.0).set_random_state(7)
    for _ in range(20):
        result = transform(item)["target"]
        assert not result.ignored.any()
        torch.testing.assert_close(result.boxes[:, 2:] - result.boxes[:, :2], torch.tensor([[4.0, 3.7]]))


def test_empty_target(empty_item, dims):
    result = crop(8, object_fraction=1.0)(empty_item)
    assert result["target"].boxes.shape == (0, 2 * dims)
    assert result["target"].labels.dtype == torch.int64


def test_result_shares_no_memory_with_the_input(block_item):
    before = block_item["image"].clone(), block_item["target"].boxes.clone()
    result = crop(tuple(block_item["image"].shape[1:]), object_fraction=0.0)(block_item)
    assert torch.equal(result["image"], before[0])
    result["image"].add_(1)
    result["target"].boxes.add_(1)
    assert torch.equal(block_item["image"], before[0])
    assert torch.equal(block_item["target"].boxes, before[1])


def test_seed_decides_the_patch(block_item):
    transform = crop(8)
    starts = [[start_of(transform.set_random_state(seed)(block_item), block_item) for seed in range(20)] for _ in range(2)]
    assert starts[0] == starts[1]
    assert len(set(map(str, starts[0]))) > 5


@pytest.mark.parametrize("arguments", [{"object_fraction": 1.5}, {"overhang": 8}])
def test_arguments_are_checked(empty_item, arguments):
    with pytest.raises(ValueError, match="fraction|overhang"):
        crop(8, **arguments)(empty_item)


@pytest.mark.parametrize("overhang", [0, 3])
def test_a_patch_knows_at_which_faces_the_image_goes_on(block_item, overhang):
    sizes, transform = block_item["image"].shape[1:], crop(8, 0.0, overhang=overhang).set_random_state(0)
    for _ in range(30):
        patch = transform(block_item)
        start = start_of(patch, block_item)
        assert patch["target"].cut.tolist() == [s > 0 for s in start] + [s + 8 < n for s, n in zip(start, sizes)]


def test_masks_move_with_the_image(block_item):
    item = block_item | {"target": replace(block_item["target"], mask=block_item["image"][0].to(torch.uint8))}
    patch = crop(9, 0.5, overhang=4)(item)
    assert torch.equal(patch["target"].mask, patch["image"][0].to(torch.uint8))
