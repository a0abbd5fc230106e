from __future__ import annotations

import copy
import json

import nibabel as nib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medtk_monai.box_ops import box_corners, boxes_from_centers
from medtk_monai.errors import DataError
from medtk_monai.formats import (
    case_prediction,
    detections_from_case,
    grid_of,
    in_space,
    make_case,
    read_predictions,
    voxel_boxes,
    write_predictions,
)
from medtk_monai.formats.label_map import LABEL
from medtk_monai.formats.predictions import case_id_beside
from medtk_monai.structures import UNKNOWN_PRIOR, Detections
from tests.formats.made_cases import made_affine


def random_affine(generator: np.random.Generator, dims: int, oblique: bool) -> torch.Tensor:
    return torch.from_numpy(made_affine(generator, dims, oblique))


def random_detections(generator: np.random.Generator, count: int, dims: int) -> Detections:
    centers, sizes = generator.uniform(-10, 500, (count, dims)), generator.uniform(0.5, 60, (count, dims))
    scores = torch.from_numpy(generator.random(count)).float().sort(descending=True).values
    boxes = boxes_from_centers(torch.from_numpy(centers), torch.from_numpy(sizes)).float()
    return Detections(
        boxes, scores, torch.from_numpy(generator.integers(0, 5, count)), torch.from_numpy(generator.integers(0, 2**40, count))
    )


def small_case(**changes) -> dict:
    case = {
        "case_id": "sub-01",
        "image": "images/sub-01.nii.gz",
        "space": "RAS",
        "direction": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        "boxes": [[1.0, 2.0, 3.0, 4.0, 4.0, 6.0]],
        "scores": [0.5],
        "labels": [0],
        "prior_ids": [7],
    }
    return {**case, **changes}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]), st.booleans(), st.sampled_from(["RAS", "LPS"]), st.integers(0, 4))
def test_boxes_come_back_through_any_affine(tmp_path_factory, seed, dims, oblique, space, count):
    generator = np.random.default_rng(seed)
    affine, found = random_affine(generator, dims, oblique), random_detections(generator, count, dims)
    case = case_prediction(found, affine, "sub-01", "a.nii.gz")
    if space == "LPS":
        flip = [-1, -1, 1][:dims]
        case["direction"] = [[sign * x for x in row] for sign, row in zip(flip, case["direction"])]
        case["boxes"] = [[sign * x for sign, x in zip([*flip, *[1] * dims], box)] for box in case["boxes"]]
        case["space"] = "LPS"
    path = tmp_path_factory.getbasetemp() / "predictions.json"
    write_predictions(path, [case])
    back = detections_from_case(read_predictions(path)[0], affine)
    assert back.boxes.shape == found.boxes.shape
    np.testing.assert_allclose(back.boxes, found.boxes, atol=2e-3)  # 0.0001 mm in voxels of 0.2 mm, and float32 at 500
    for name in ("scores", "labels", "prior_ids"):
        assert torch.equal(getattr(back, name), getattr(found, name))


def test_world_coordinates_by_hand():
    """Voxels of 0.5 x 0.5 x 2 mm, the first axis pointing left; voxel (0, 0, 0) has its center at (10, 20, 30)."""
    affine = torch.tensor([[-0.5, -0.0, 0, 10], [0, 0.5, 0, 20], [0, 0, 2, 30], [0, 0, 0, 1]], dtype=torch.float64)
    boxes = torch.tensor([[0.0, 0, 0, 1, 1, 1], [4, 2, 0, 8, 4, 2]])
    found = Detections(boxes, torch.tensor([0.9, 0.1]), torch.tensor([0, 1]), torch.tensor([3, 4]))
    case = case_prediction(found, affine, "sub-01", "a.nii.gz")
    assert case["boxes"] == [[10, 20, 30, 0.5, 0.5, 2], [7.25, 21.25, 31, 2, 1, 4]]
    assert case["direction"] == [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert "-0.0" not in json.dumps(case)
    assert (case["space"], case["scores"], case["labels"], case["prior_ids"]) == ("RAS", [0.9, 0.1], [0, 1], [3, 4])


def test_corners_lie_where_nibabel_puts_them():
    generator = np.random.default_rng(5)
    affine, found = random_affine(generator, 3, oblique=True), random_detections(generator, 3, 3)
    case = case_prediction(found, affine, "sub-01", "a.nii.gz")
    direction, boxes = np.array(case["direction"]), np.array(case["boxes"])
    for voxels, box in zip(box_corners(found.boxes).numpy(), boxes):
        unit = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
        corners = box[:3] + (unit * box[3:]) @ direction.T
        expected = nib.affines.apply_affine(affine.numpy(), voxels - 0.5)
        assert np.abs(corners[:, None] - expected[None]).max(-1).min(1).max() < 1e-3


def test_boxes_can_be_laid_over_another_grid():
    coarse = torch.diag(torch.tensor([2.0, 2, 2, 1], dtype=torch.float64))
    fine = torch.eye(4, dtype=torch.float64)
    fine[:3, 3] = -0.5  # the corner of the first coarse voxel lies at -1 mm, that of the first fine one too
    found = Detections(torch.tensor([[1.0, 2, 3, 4, 6, 8]]), torch.tensor([0.5]), torch.tensor([0]), torch.tensor([0]))
    back = detections_from_case(case_prediction(found, coarse, "sub-01", "a.nii.gz"), fine)
    np.testing.assert_allclose(back.boxes, 2 * found.boxes, atol=1e-5)


def test_a_flat_image_may_have_a_4x4_affine():
    affine = torch.diag(torch.tensor([0.5, 0.25, 3, 1], dtype=torch.float64))
    found = Detections(torch.tensor([[0.0, 0, 4, 4]]), torch.tensor([0.5]), torch.tensor([0]), torch.tensor([0]))
    case = case_prediction(found, affine, "sub-01", "a.png")
    assert case["boxes"] == [[0.75, 0.375, 2, 1]]
    np.testing.assert_allclose(detections_from_case(case, affine).boxes, found.boxes, atol=1e-3)


def test_detections_are_read_best_first():
    case = small_case(boxes=[[1, 2, 3, 4, 4, 6], [9, 9, 9, 1, 1, 1]], scores=[0.25, 0.75], labels=[0, 1], prior_ids=[7, 8])
    back = detections_from_case(case, torch.eye(4))
    assert (back.scores.tolist(), back.labels.tolist(), back.prior_ids.tolist()) == ([0.75, 0.25], [1, 0], [8, 7])
    assert back.boxes[0].tolist() == [9, 9, 9, 10, 10, 10]


def test_file_states_its_format_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "new" / "predictions.json"
    write_predictions(path, (small_case(case_id=name) for name in "ab"))
    document = json.loads(path.read_text())
    assert (document["format"], document["version"]) == ("medtk_monai predictions", 1)
    assert [case["case_id"] for case in document["cases"]] == ["a", "b"]
    assert read_predictions(path) == [small_case(case_id="a"), small_case(case_id="b")]
    write_predictions(path, [])
    assert read_predictions(path) == []
    assert [entry.name for entry in path.parent.iterdir()] == ["predictions.json"]


def test_a_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "predictions.json"
    write_predictions(path, [small_case()])
    with pytest.raises(DataError, match="sub-01.*scores"):
        write_predictions(path, [small_case(scores=[float("nan")])])
    assert read_predictions(path) == [small_case()]
    assert len(list(tmp_path.iterdir())) == 1


BROKEN_CASES = {
    "NaN score": {"scores": [float("nan")]},
    "infinite box": {"boxes": [[1, 2, 3, 4, float("inf"), 6]]},
    "huge box": {"boxes": [[1, 2, 3, 4, 10**400, 6]]},
    "negative size": {"boxes": [[1, 2, 3, 4, -4, 6]]},
    "box of a plane": {"boxes": [[1, 2, 4, 4]]},
    "boxes are no list": {"boxes": 3},
    "box is text": {"boxes": [["a"] * 6]},
    "too many scores": {"scores": [0.5, 0.4]},
    "no scores": {"scores": []},
    "fractional label": {"labels": [0.5]},
    "boolean label": {"labels": [True]},
    "negative label": {"labels": [-1]},
    "huge id": {"prior_ids": [2**63]},
    "unknown space": {"space": "scanner"},
    "direction with spacing": {"direction": [[0.5, 0, 0], [0, 0.5, 0], [0, 0, 2]]},
    "ragged direction": {"direction": [[1, 0, 0], [0, 1], [0, 0, 1]]},
    "direction in 4D": {"direction": np.eye(4).tolist()},
}


@pytest.mark.parametrize("changes", BROKEN_CASES.values(), ids=BROKEN_CASES.keys())
def test_a_broken_case_is_named_with_its_file(tmp_path, changes):
    path = tmp_path / "predictions.json"
    cases = [small_case(case_id="fine"), small_case(case_id="sub-13", **changes)]
    path.write_text(json.dumps({"format": "medtk_monai predictions", "version": 1, "cases": cases}))
    with pytest.raises(DataError, match=rf"'sub-13'.*predictions.json.*'{next(iter(changes))}'"):
        read_predictions(path)


@pytest.mark.parametrize("key", ["image", "space", "direction", "boxes", "scores", "labels"])
def test_a_missing_key_is_named(tmp_path, key):
    path = tmp_path / "predictions.json"
    case = copy.deepcopy(small_case())
    del case[key]
    path.write_text(json.dumps({"format": "medtk_monai predictions", "version": 1, "cases": [case]}))
    with pytest.raises(DataError, match=f"'sub-01'.*predictions.json.*missing '{key}'"):
        read_predictions(path)


BROKEN_FILES = {
    '{"format": "medtk_monai predictions", "ver': "not a JSON file",
    "[]": "not a predictions file",
    '{"format": "something else", "version": 1, "cases": []}': "not a predictions file",
    '{"format": "medtk_monai predictions", "version": 2, "cases": []}': "version 2",
    '{"format": "medtk_monai predictions", "version": 1}': 'no list "cases"',
    '{"format": "medtk_monai predictions", "version": 1, "cases": [[]]}': 'entry 0 of "cases"',
    '{"format": "medtk_monai predictions", "version": 1, "cases": [{"boxes": []}]}': 'no "case_id"',
    json.dumps({"format": "medtk_monai predictions", "version": 1, "cases": [small_case(), small_case()]}): "listed twice",
}


@pytest.mark.parametrize(("text", "message"), BROKEN_FILES.items(), ids=BROKEN_FILES.values())
def test_a_broken_file_is_named(tmp_path, text, message):
    path = tmp_path / "predictions.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_predictions(path)
    assert str(path) in str(caught.value)


def test_boxes_do_not_fit_an_affine_of_fewer_dimensions():
    with pytest.raises(DataError, match="'sub-01'.*3D"):
        detections_from_case(small_case(), torch.eye(3))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]), st.booleans())
def test_boxes_on_the_grid_of_the_scan(seed, dims, oblique):
    generator = np.random.default_rng(seed)
    affine, found = random_affine(generator, dims, oblique), random_detections(generator, 3, dims)
    case = case_prediction(found, affine, "a", "", (range(5, 5 + dims), affine))
    other = in_space(case, "LPS")
    assert other["boxes"] != case["boxes"] and in_space(other, "RAS") == case
    for turned in (case, other):
        size, back = grid_of(turned)
        assert size == tuple(range(5, 5 + dims))
        np.testing.assert_allclose(back, affine, atol=1e-7)
        np.testing.assert_allclose(voxel_boxes(turned), found.boxes, atol=2e-3)
        np.testing.assert_allclose(voxel_boxes(turned), detections_from_case(turned, affine).boxes, atol=1e-3)


def test_boxes_without_priors_or_grid():
    case = small_case()
    del case["prior_ids"]
    assert detections_from_case(case, torch.eye(4)).prior_ids.tolist() == [UNKNOWN_PRIOR]
    with pytest.raises(DataError, match="sub-01.*grid"):
        voxel_boxes(case)


@pytest.mark.parametrize("grid", [None, {}, {"size": [1, 2], "affine": np.eye(4).tolist()}, {"size": [1, 2, 3], "affine": [[0] * 4] * 4}])
def test_a_wrong_grid_is_refused(tmp_path, grid):
    with pytest.raises(DataError, match="'grid'"):
        write_predictions(tmp_path / "p.json", [small_case(grid=grid)])


@pytest.mark.parametrize(
    ("file", "beside", "expected"),
    [("findings.nii.gz", ["sub-01"], "sub-01"), ("findings.nii.gz", ["a", "b"], "findings"), ("other.nii.gz", ["sub-01"], "other")],
)
def test_the_case_of_a_file_beside(tmp_path, file, beside, expected):
    write_predictions(tmp_path / "predictions.json", [make_case(name, "RAS", np.zeros((0, 3)), np.zeros((0, 3))) for name in beside])
    assert case_id_beside(tmp_path / file, LABEL) == expected
    (tmp_path / "predictions.json").write_text("{}")
    assert case_id_beside(tmp_path / file, LABEL) == file.removesuffix(".nii.gz")
    (tmp_path / "predictions.json").unlink()
    assert case_id_beside(tmp_path / file, LABEL) == file.removesuffix(".nii.gz")
