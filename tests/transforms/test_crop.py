"""Random patches: pixels against NumPy's reflection, boxes against the painted blocks."""

import numpy as np
import pytest
import torch
from blocks import measure

from medtk_monai.structures import Target
from medtk_monai.transforms import RandCropBoxesd, VisibilityRule


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
    transform = RandCropBoxesd(patch, object_fraction=0.5, overhang=overhang).set_random_state(1)
    for _ in range(8):
        result = transform(item)
        np.testing.assert_array_equal(result["image"], reflected(item["image"].numpy(), start_of(result, item), [patch] * dims))
        assert result["image"].is_contiguous()


def test_axis_of_one_voxel_is_repeated():
    image = torch.arange(6.0).reshape(1, 6, 1)
    none = Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool))
    patch = RandCropBoxesd((4, 3))({"image": image, "target": none})["image"]
    assert patch.shape == (1, 4, 3)
    assert (patch == patch[:, :, :1]).all()


@pytest.mark.parametrize("overhang", [0, 4])
def test_starts_cover_their_range(empty_item, dims, overhang):
    transform = RandCropBoxesd(10, overhang=overhang).set_random_state(0)
    starts = np.array([start_of(transform(empty_item), empty_item) for _ in range(400)])
    size = np.array(empty_item["image"].shape[1:])
    assert (starts.min(0) == -overhang).all()
    assert (starts.max(0) == size - 10 + overhang).all()


@pytest.mark.parametrize(("patch", "overhang"), [(6, 0), (9, 4), (30, 0)])
def test_boxes_stay_with_their_blocks(block_item, dims, patch, overhang):
    transform = RandCropBoxesd(patch, object_fraction=0.5, overhang=overhang).set_random_state(2)
    kept = 0
    for _ in range(40):
        result = transform(block_item)
        start = start_of(result, block_item)
        real = np.zeros([patch] * dims)
        real[tuple(slice(max(-a, 0), extent - a) for a, extent in zip(start, block_item["image"].shape[1:]))] = 1
        for label, box in zip(result["target"].labels.tolist(), result["target"].boxes.tolist()):
            assert measure(result["image"][0].numpy() * real, label + 1) == box
            kept += 1
    assert kept > 20


def test_object_patches_hold_a_whole_object_at_any_place(block_item, dims):
    transform = RandCropBoxesd(8, object_fraction=1.0).set_random_state(3)
    seen, places = set(), set()
    for _ in range(200):
        result = transform(block_item)
        whole = [label for label in range(3) if (result["image"] == label + 1).sum() == (block_item["image"] == label + 1).sum()]
        assert whole
        seen.update(whole)
        first = result["target"].labels == 0
        places.update(result["target"].boxes[first & ~result["target"].ignored][:, 0].tolist())
    assert seen == {0, 1, 2}
    assert len(places) >= 3


def test_ignored_objects_are_not_sought(block_item):
    boxes = block_item["target"].boxes
    item = block_item | {"target": Target(boxes, torch.arange(3), torch.tensor([True, False, True]))}
    transform = RandCropBoxesd(8, object_fraction=1.0).set_random_state(4)
    assert all((transform(item)["image"] == 2).any() for _ in range(50))
    everything_ignored = block_item | {"target": Target(boxes, torch.arange(3), torch.ones(3, dtype=torch.bool))}
    assert any(not (transform(everything_ignored)["image"] > 0).any() for _ in range(100))


def test_share_of_object_patches():
    item = {"image": torch.zeros(1, 60, 60), "target": target_of([[29, 29, 31, 31]])}
    transform = RandCropBoxesd(4, object_fraction=0.7).set_random_state(5)
    share = np.mean([len(transform(item)["target"]) > 0 for _ in range(600)])
    assert 0.64 < share < 0.77


@pytest.mark.parametrize(
    ("start", "outcome"),
    [
        (0, "kept"),  # all of [4, 14) is inside
        (7, "kept"),  # 0.7
        (8, "ignored"),  # 0.6
        (11, "ignored"),  # 0.3
        (12, "dropped"),  # 0.2
        (13, "dropped"),  # 0.1
        (14, "dropped"),  # touches
        (20, "dropped"),
    ],
)
def test_truncated_objects(start, outcome):
    target = target_of([[4, 0, 14, 2]])
    result = VisibilityRule(keep_fraction=0.7, drop_fraction=0.2)(target, [start, 0], [20, 20])
    assert {0: "dropped", 1: "ignored" if result.ignored.any() else "kept"}[len(result)] == outcome
    if outcome != "dropped":
        assert result.boxes.tolist() == [[max(4 - start, 0), 0, 14 - start, 2]]


def test_ignored_objects_stay_ignored():
    target = target_of([[4, 0, 14, 2], [0, 0, 9, 9]], ignored=[True, False])
    assert VisibilityRule()(target, [0, 0], [20, 20]).ignored.tolist() == [True, False]


def test_large_object_that_fills_the_patch_is_no_background():
    result = VisibilityRule(0.7, 0.2)(target_of([[0, 0, 100, 100]]), [40, 40], [20, 20])
    assert result.ignored.tolist() == [True]
    assert result.boxes.tolist() == [[0, 0, 20, 20]]


def test_object_larger_than_the_patch_fills_it():
    item = {"image": torch.zeros(1, 100, 100), "target": target_of([[20, 30, 70, 50]])}
    transform = RandCropBoxesd(30, object_fraction=1.0).set_random_state(6)
    for _ in range(20):
        box = transform(item)["target"].boxes[0].tolist()
        assert (box[0], box[2]) == (0, 30)
        assert box[3] - box[1] == 20


def test_fractional_boxes_fit_whenever_they_can():
    item = {"image": torch.zeros(1, 40, 40), "target": target_of([[10.5, 10.2, 14.5, 13.9]])}
    transform = RandCropBoxesd((5, 4), object_fraction=1.0).set_random_state(7)
    for _ in range(20):
        result = transform(item)["target"]
        assert not result.ignored.any()
        torch.testing.assert_close(result.boxes[:, 2:] - result.boxes[:, :2], torch.tensor([[4.0, 3.7]]))


def test_empty_target(empty_item, dims):
    result = RandCropBoxesd(8, object_fraction=1.0)(empty_item)
    assert result["target"].boxes.shape == (0, 2 * dims)
    assert result["target"].labels.dtype == torch.int64


def test_result_shares_no_memory_with_the_input(block_item):
    before = block_item["image"].clone(), block_item["target"].boxes.clone()
    result = RandCropBoxesd(tuple(block_item["image"].shape[1:]), object_fraction=0.0)(block_item)
    assert torch.equal(result["image"], before[0])
    result["image"].add_(1)
    result["target"].boxes.add_(1)
    assert torch.equal(block_item["image"], before[0])
    assert torch.equal(block_item["target"].boxes, before[1])


def test_seed_decides_the_patch(block_item):
    transform = RandCropBoxesd(8)
    starts = [[start_of(transform.set_random_state(seed)(block_item), block_item) for seed in range(20)] for _ in range(2)]
    assert starts[0] == starts[1]
    assert len(set(map(str, starts[0]))) > 5


@pytest.mark.parametrize("arguments", [{"object_fraction": 1.5}, {"keep_fraction": 0.2, "drop_fraction": 0.3}, {"overhang": 8}])
def test_arguments_are_checked(empty_item, arguments):
    with pytest.raises(ValueError, match="fraction|overhang"):
        RandCropBoxesd(8, **arguments)(empty_item)
