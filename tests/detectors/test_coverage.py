import pytest
import torch

from medtk_monai.anchors import AnchorGenerator, PointGenerator
from medtk_monai.assigners import ATSSAssigner, DistAssigner, IoUAssigner, NearestAssigner
from medtk_monai.detectors.coverage import ObjectMatch, match_objects, summarize
from medtk_monai.structures import Target


def cases(dims, sides):
    """One case per side, its object far from the origin."""
    for side in sides:
        box = torch.tensor([[50.3] * dims + [50.3 + side] * dims])
        yield f"side {side}", Target(box, torch.tensor([0]), torch.tensor([False]))


@pytest.mark.parametrize("dims", [2, 3])
def test_counts_the_priors_of_each_object(dims):
    generator = PointGenerator([2, 4])
    matches = match_objects(generator, NearestAssigner(5, 0), cases(dims, [3, 9]), 24)
    assert [(m.case, m.positives) for m in matches] == [("side 3", 5), ("side 9", 5)]
    assert [m.size for m in matches] == pytest.approx([3, 9], rel=1e-4)


def test_best_iou_of_an_anchor_of_the_right_size_and_of_a_wrong_one():
    """The patch is centered on the object to half a voxel, so an anchor of its size misses it by at most 1.5 voxels per axis."""
    right, wrong = (match_objects(AnchorGenerator([2], [[size]]), ATSSAssigner(), cases(2, [8]), 24)[0].best_iou for size in (8, 2))
    assert right > (6.5 / 9.5) ** 2 and wrong == pytest.approx(4 / 64, abs=0.01)


def test_neighbors_compete_and_ignored_objects_are_not_counted():
    boxes = torch.tensor([[10.0, 10, 13, 13], [10.5, 10.5, 13.5, 13.5], [40, 40, 44, 44]])
    target = Target(boxes, torch.tensor([0, 0, 0]), torch.tensor([False, False, True]))
    matches = match_objects(PointGenerator([2]), NearestAssigner(4, 0), [("twins", target)], 16)
    assert len(matches) == 2 and all(0 < m.positives <= 4 for m in matches)


def test_report_by_hand():
    """One object of 1 voxel with a single prior and hardly any overlap, one of 10 with many."""
    matches = match_objects(AnchorGenerator([4], [[10]]), IoUAssigner(0.3, 0.2), cases(3, [1, 10]), 32)
    report = summarize(matches, [4])
    assert [(part["from"], part["to"], part["objects"]) for part in report["bins"]] == [(0, 2, 1), (8, 12, 1)]
    assert report["bins"][0]["few"] == 1 and report["bins"][1]["enough"] == 1
    assert report["unmatched"] == [] and report["finest_stride"] == 4
    text = " ".join(report["advice"])
    assert "finest stride of 1 suits them better than 4" in text and "anchors of about 1 voxels" in text and "fewer than 3 priors" in text


@pytest.mark.parametrize(("strides", "told"), [([(4, 4, 1)], False), ([(4, 4, 4)], True), ([(8, 8, 2), (4, 4, 1)], False)])
def test_cells_of_several_lengths_count_as_their_geometric_mean(strides, told):
    match = ObjectMatch("flat", (12 * 12 * 1) ** (1 / 3), 4, None, (4,) * len(strides))
    assert any("finest stride" in sentence for sentence in summarize([match], strides)["advice"]) == told


def test_unmatched_objects_are_named():
    matches = match_objects(AnchorGenerator([4], [[20]]), IoUAssigner(0.5, 0.4, rescue=False), cases(2, [1]), 32)
    report = summarize(matches, [4])
    assert report["unmatched"] == ["side 1"] and report["bins"][0]["none"] == 1


def test_good_settings_and_no_objects():
    points = summarize(match_objects(PointGenerator([2]), DistAssigner(), cases(2, [8]), 24), [2])
    assert points["advice"] == ["Every size is matched well."] and points["bins"][0]["best_iou"] is None  # no size that could fit
    good = match_objects(AnchorGenerator([2], [[8]]), NearestAssigner(), cases(2, [8, 9]), 24)
    assert summarize(good, [2])["advice"] == ["Every size is matched well."]
    nothing = summarize([], [2])
    assert nothing["objects"] == 0 and "no objects" in nothing["advice"][0]
