"""Choices of a plan that follow from planted properties of the data."""

import numpy as np
import pytest

from medtk_monai.errors import DataError
from medtk_monai.planning import Wishes, make_plan
from tests.planning.made_facts import made, spheres


def plan(facts, memory_gb=8.0, bytes_per_voxel=100.0, **wishes):
    def memory(values):
        size = values["patch_size"]
        voxels = np.prod(size if isinstance(size, list) else [size] * values["spatial_dims"])
        return float(voxels * values["batch_size"] * bytes_per_voxel)

    return make_plan(facts, Wishes(memory_gb, **wishes), memory)


@pytest.mark.parametrize(
    "low, high, overlap, suppressor",
    [(3, 9, 0.0, "NMS"), (14, 24, 0.0, "WeightedBoxClustering"), (14, 24, 0.4, "SoftNMS"), (3, 9, 0.4, "SoftNMS")],
)
def test_suppression_follows_size_and_overlap(low, high, overlap, suppressor):
    values = plan(made(spheres(low, high), overlap=overlap)).values
    assert values["suppressor"]["_target_"].endswith(f".{suppressor}")
    assert values["suppressor"]["iou"] >= overlap + 0.1 - 1e-9
    assert ("dense_criterion::quality" in values) == (low > 10)


def test_the_head_follows_the_sizes_unless_it_is_chosen():
    alike, various = made(spheres(10, 12)), made(spheres(3, 20))
    assert plan(alike).values["head"] == "%heads::anchor" and plan(various).values["head"] == "%heads::point"
    assert plan(alike, head="point").values["head"] == "%heads::point"


def test_memory_first_takes_from_the_batch_then_from_the_patch():
    facts = made(spheres(10, 30), size=(200, 200, 200))
    roomy = plan(facts).values
    voxels = roomy["patch_size"] ** 3 * 100
    tight = plan(facts, memory_gb=voxels / 1e9).values
    assert tight["batch_size"] == 1 and tight["patch_size"] == roomy["patch_size"]
    tighter = plan(facts, memory_gb=voxels * 0.8 / 1e9).values
    sides = tighter["patch_size"]
    assert isinstance(sides, list) and max(sides) == roomy["patch_size"] and np.prod(sides) * 100 <= voxels * 0.8
    assert all(side % 8 == 0 for side in sides)
    with pytest.raises(DataError, match="a single patch of .* takes .* GB"):
        plan(facts, memory_gb=1e-6)


def test_axes_are_exchanged_only_where_that_changes_nothing():
    assert plan(made(spheres(4, 8))).values["train::patches::ranges"]["swap_axes"] == [0, 1]
    long = plan(made(spheres(4, 8), spacing=(0.5, 1.0, 1.0))).values["train::patches::ranges"]
    assert long["swap_axes"] == [1, 2] and long["flip_axes"] == [0, 1, 2]
    rng = np.random.default_rng(0)
    centers = rng.uniform(0.1, 0.9, (80, 3))
    centers[:, :2] = np.repeat([[0.2, 0.3], [0.8, 0.7]], 40, axis=0)
    fixed = plan(made(spheres(4, 8, 80), np.repeat([0, 1], 40), centers=centers)).values["train::patches::ranges"]
    assert fixed["flip_axes"] == [2] and fixed["swap_prob"] == 0


def test_borders_that_cut_objects_are_shown():
    inside, cut = plan(made(spheres(14, 24), at_border=0.04)).values, plan(made(spheres(14, 24), at_border=0.06)).values
    assert inside["padding_mode"] == "reflect" and cut["padding_mode"] == "zeros"
    assert cut["train::patches::sampling::overhang"] < inside["train::patches::sampling::overhang"]


def test_checkpoints_of_large_objects_are_chosen_by_their_boxes():
    small, large = plan(made(spheres(3, 9))).values, plan(made(spheres(14, 24))).values
    assert "key_metric" not in small and large["key_metric"] == "ap@0.5"
    assert not {key for key in small if key.endswith("ignore_near")} and large["heads::point::assigner::ignore_near"] is False


def test_intensities():
    def steps(**more):
        return [step for step in plan(made(spheres(4, 8), **more)).values["preprocessing::transforms"] if "Intensity" in step["_target_"]]

    (scaled,) = steps(unit="HU")
    assert scaled["_target_"] == "ScaleIntensityRanged" and (scaled["a_min"], scaled["a_max"]) == (-1000.0, 400.0)
    assert steps()[0]["nonzero"] is False and steps(foreground=0.3)[0]["nonzero"] is True


def test_images_are_turned_where_they_lie_otherwise():
    names = [step["_target_"] for step in plan(made(spheres(4, 8), orientations=("LPS", "RAS"))).values["preprocessing::transforms"]]
    assert "Orientationd" in names and names[-2:] == ["medtk_monai.transforms.WorldToVoxelBoxesd", "medtk_monai.transforms.ToPlainTensord"]
    assert "Orientationd" not in str(plan(made(spheres(4, 8))).values)


def test_each_choice_has_its_reason(tmp_path):
    made_plan = plan(made(spheres(4, 8)))
    made_plan.write(tmp_path)
    text = (tmp_path / "plan.md").read_text()
    for word in ("Spacing", "Levels", "Head", "Patch", "Mirror images", "Suppression", "Windows", "Length"):
        assert f"**{word}: " in text
