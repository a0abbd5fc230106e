"""Beyond the border of an image nothing that looks like an object counts as background."""

import pytest
import torch
from blocks import SIZES

from medtk_monai.structures import Target
from medtk_monai.transforms import PatchSampling, RandWarpBoxesd, VisibilityRule, WarpRanges

EXACT = WarpRanges(flip_prob=0.5, swap_prob=0.5)
BENT = WarpRanges(rotation=40, scale=1.3, stretch=1.2, shear=0.1, elastic=1.0, elastic_spacing=8, flip_prob=0.5)


def patches(item, transform, number):
    transform.set_random_state(seed=0)
    return [transform(item) for _ in range(number)]


@pytest.mark.parametrize("ranges", [EXACT, BENT])
def test_mirror_images_of_objects_are_ignored(block_item, dims, ranges):
    """Wherever the patch shows an object or a part of one, a box that is no background lies."""
    size = {2: (26, 26), 3: (26, 26, 26)}[dims]
    transform = RandWarpBoxesd(PatchSampling(size, overhang=10), ranges, VisibilityRule(0.5, 0.0), extents="block")
    mirrored = 0
    for patch in patches(block_item | {"image": block_item["image"].clamp(max=1)}, transform, 15):
        target, bright = patch["target"], patch["image"][0] > 0.6
        covered = torch.zeros(size, dtype=torch.bool)
        for box in target.boxes:
            lower, upper = box.floor().int().chunk(2)[0], box.ceil().int().chunk(2)[1]
            covered[tuple(slice(max(a, 0), b) for a, b in zip(lower.tolist(), upper.tolist()))] = True
        assert not (bright & ~covered).any()
        mirrored += int(target.ignored.sum())
        assert (~target.ignored).sum() <= 3
    assert mirrored > 15


def test_boxes_of_mirror_images_are_exact(block_item, dims):
    size = tuple(3 * side for side in SIZES[dims])
    patch = RandWarpBoxesd(PatchSampling(size), rule=VisibilityRule(1.0, 0.0))(block_item)
    ignored = patch["target"].ignored
    assert (~ignored).sum() == 3 and ignored.sum() >= 3 * (2**dims - 1)
    image = patch["image"][0]
    for box, label in zip(patch["target"].boxes.int().tolist(), patch["target"].labels.tolist()):
        assert (image[tuple(slice(a, b) for a, b in zip(box[:dims], box[dims:]))] == label + 1).all()


def test_what_one_voxel_shows_goes_on_on_both_sides(dims):
    image = torch.zeros(1, *(12,) * (dims - 1), 1)
    image[:, 4:8] = 1.0
    box = torch.tensor([[4.0, *[0.0] * (dims - 1), 8.0, *[12.0] * (dims - 2), 1.0]])
    item = {"image": image, "target": Target(box, torch.tensor([0]), torch.tensor([False]))}
    (patch,) = patches(item, RandWarpBoxesd((12,) * dims), 1)
    own, rest = patch["target"].boxes[0], patch["target"].boxes[1:]
    place = int(own[dims - 1])
    assert own[2 * dims - 1] == place + 1 and patch["target"].ignored.tolist() == [False] + [True] * len(rest)
    assert sorted((row[dims - 1].item(), row[2 * dims - 1].item()) for row in rest) == [(0, place), (place + 1, 12)]
