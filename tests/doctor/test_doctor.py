"""Faults planted into phantom data are found, and nothing else; what can be mended is."""

import copy
import json
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from faulty_set import BOX_PLANTERS, CORNERS, FLIP, PLANTERS, FaultySet, write_clean

from medtk_monai.cli.datalist import make_datalist
from medtk_monai.data import load_datalist
from medtk_monai.doctor.examine import Demands, examine
from medtk_monai.doctor.mend import mend
from medtk_monai.errors import DataError
from medtk_monai.phantom import write_phantom_dataset
from medtk_monai.transforms import LoadCased, WorldToVoxelBoxesd

SHARED = Path(__file__).parents[2].parent / "shared/data"
LEFT_TO_USERS = {
    *("nonfinite_voxels", "constant_image", "wrong_channels", "degenerate_affine", "sheared_affine", "spacing_outlier", "size_outlier"),
    *("fractional_label_map", "misplaced_label_map", "several_objects_one_value", "boxes_unlike_label_map"),
    *("bad_labels", "label_out_of_range", "absent_class", "huge_object"),
}


@pytest.fixture(scope="module")
def clean(made_once):
    return made_once("doctor_clean", write_clean)


@pytest.fixture
def faulty(clean, tmp_path):
    """faulty(planters) -> a data set with their faults, ready to be written; a small one without any."""

    def make(planters=()):
        content = json.loads(clean.read_text())
        sizes = {} if planters else {"training": 9, "validation": 2, "test": 3}
        data = FaultySet(clean.parent, tmp_path, content | {split: content[split][:size] for split, size in sizes.items()})
        for plant in planters:
            plant(data)
        return data

    return make


def found(examination, severities=("error", "warning")):
    return {(finding.kind, finding.case_id) for finding in examination.findings if finding.severity in severities}


def mended(path, examination=None):
    """The examination of a mended datalist."""
    fixed = path.with_name("fixed.json")
    fixed.write_text(json.dumps(mend(examination or examine(path)).content))
    return examine(fixed)


@pytest.mark.parametrize("planters", [PLANTERS, BOX_PLANTERS], ids=["files", "boxes"])
def test_each_planted_fault_is_found_and_nothing_else(faulty, planters):
    data = faulty(planters)
    path = data.write()
    examination = examine(path, num_workers=1)
    assert len(data.expected) >= 12
    assert found(examination) == data.expected
    assert all(finding.remedy and finding.what for finding in examination.findings)
    again = mended(path, examination)
    assert {kind for kind, _ in found(again)} <= LEFT_TO_USERS
    assert mend(again).changes == ()


def test_nothing_is_wrong_with_phantoms(clean, tmp_path):
    flat = write_phantom_dataset(tmp_path, num_cases=6, seed=1, spatial_dims=2, num_workers=1, shape=(64, 64, 28))
    for path in (clean, flat):
        assert found(examine(path, num_workers=1)) == found(examine(path, headers_only=True)) == set()


@pytest.mark.parametrize("name, images, maps", [("ms_lesions", "images", "labels"), ("hippocampus", "images", "labels")])
def test_nothing_is_wrong_with_real_data(tmp_path, name, images, maps):
    """Both sets have lesions or organs in every case, which is told."""
    if not (SHARED / name).exists():
        pytest.skip(f"no {name} at {SHARED}")
    files = sorted((SHARED / name / images).iterdir())[:40]
    masks = [path for path in sorted((SHARED / name / maps).iterdir())[:40]]
    make_datalist([str(path) for path in files], [str(path) for path in masks], str(tmp_path / "list.json"), validation=1, test=1)
    assert found(examine(tmp_path / "list.json", num_workers=1)) == {("no_negatives", "")}


def test_mended_boxes_are_the_planted_ones(faulty):
    """World boxes of the frame faults, after --fix, read by the strict reader; oblique ones by their corners in voxels."""
    data = faulty(BOX_PLANTERS[:1])
    mended(data.write())
    cases = {case["case_id"]: case for case in load_datalist(data.folder / "fixed.json", "training")}
    to_voxels = WorldToVoxelBoxesd()
    for case in data.truth:
        target = to_voxels(LoadCased()(cases[case]))["target"]
        np.testing.assert_allclose(target.boxes, CORNERS, atol=2e-3)


def test_what_is_mended_can_be_loaded(faulty):
    data = faulty(BOX_PLANTERS)
    mended(data.write())
    for case in load_datalist(data.folder / "fixed.json", "training", num_classes=1, spatial_dims=3):
        item = WorldToVoxelBoxesd()(LoadCased(num_classes=1)(case))
        assert len(item["target"].boxes) == len(item["target"].labels)


def test_a_whole_set_in_another_frame_is_told_by_all_its_boxes(faulty):
    data = faulty()
    cases = [data.plant(case, CORNERS[:2], straight=False) for case in data.content["training"][:6]]
    for case in cases:
        case["space"] = "LPS"
    examination = examine(data.write())
    assert found(examination) == {("wrong_frame", case["case_id"]) for case in cases}
    assert examination.as_json()["boxes_in_images"]["center and size in RAS mm, axes xyz"] == 12


@pytest.mark.parametrize("case", range(3))
def test_corners_in_voxels_are_not_taken_for_sizes(faulty, case):
    """Read as center and size in voxels many such boxes lie in their images as well, but they are much larger."""
    data = faulty()
    item = data.plant(data.content["training"][case])
    item |= {"boxes": [[float(value) for value in box] for box in CORNERS]}
    del item["direction"]
    path = data.write()
    assert found(examine(path)) == {("wrong_frame", item["case_id"])}
    assert found(mended(path)) == set()
    (fixed,) = [other for other in load_datalist(path.with_name("fixed.json"), "training") if other["case_id"] == item["case_id"]]
    np.testing.assert_allclose(WorldToVoxelBoxesd()(LoadCased()(fixed))["target"].boxes, CORNERS, atol=2e-3)


def test_cases_that_fit_either_way_follow_the_set(faulty):
    """One image of a set in LPS is moved to where its boxes lie in it in both frames."""
    data = faulty()
    cases = [data.plant(case, CORNERS[:2]) for case in data.content["training"][:6]]
    for case in cases:
        case["space"] = "LPS"
    data.image(cases[0], "centered", lambda values, old: (values, centered(old, values.shape)))
    cases[0]["boxes"] = [[0, 0, center, 2, 2, 2] for center in (-1, 1)]
    assert found(examine(data.write())) == {("wrong_frame", case["case_id"]) for case in cases}
    for case in cases[1:4]:
        case["boxes"] = (np.array(case["boxes"]) * [*FLIP, 1, 1, 1]).tolist()
        case["direction"] = (np.array(case["direction"]) * FLIP[:, None]).tolist()
    assert found(examine(data.write())) == {("wrong_frame", case["case_id"]) for case in cases[4:]}


def centered(affine, size):
    """The affine with the middle of the image at the origin."""
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(size) - 1) / 2)
    return affine


def test_one_box_is_too_little_to_tell_a_frame(faulty):
    data = faulty()
    case = data.plant(data.take("unclear_frame", straight=True), CORNERS[:1], straight=True)
    case["space"] = "LPS"
    path = data.write()
    assert found(examine(path)) == data.expected == found(mended(path))


def test_boxes_that_agree_with_a_label_map_are_left_out(faulty):
    data = faulty()
    case = data.take("boxes_and_label_map")
    label_map, mask = case["label_map"], np.asarray(nib.load(case["label_map"]).dataobj)
    where = [np.argwhere(mask == value) for value in np.unique(mask)[1:]]
    data.plant(case, [[*points.min(axis=0), *points.max(axis=0) + 1] for points in where])
    case["label_map"] = label_map
    path = data.write()
    assert found(examine(path)) == data.expected
    assert found(mended(path)) == set()
    (kept,) = [item for item in load_datalist(path.with_name("fixed.json"), "training") if item["case_id"] == case["case_id"]]
    assert kept["label_map"] == label_map and "boxes" not in kept


def test_moved_patients_leave_the_test_split_whole(faulty):
    data = faulty()
    before = {case["case_id"] for case in data.content["test"]}
    for case in [data.content["test"][0], data.content["training"][0]]:
        case["patient_id"] = 7
    for case in [data.content["validation"][0], *data.content["training"][1:3]]:
        case["patient_id"] = "B"
    path = data.write()
    expected = {("patient_leak", data.content[split][0]["case_id"]) for split in ("training", "validation")}
    assert found(examine(path)) == expected and found(mended(path)) == set()
    fixed = json.loads(path.with_name("fixed.json").read_text())
    assert {case["case_id"] for case in fixed["test"]} == before | {"case_000"}
    assert len(fixed["validation"]) == len(data.content["validation"]) - 1


def test_visits_of_a_patient_in_two_splits_are_noted(faulty):
    data = faulty()
    data.content["training"][0]["case_id"], data.content["test"][0]["case_id"] = "sub-01_ses-1", "sub-01_ses-2"
    data.content["training"][1]["case_id"], data.content["training"][2]["case_id"] = "sub-02_ses-1", "sub-02_ses-2"
    assert ("similar_names", "sub-01_ses-1") in found(examine(data.write()), ("note",))
    assert sum(kind == "similar_names" for kind, _ in found(examine(data.write()), ("note",))) == 1


def test_unknown_keys_and_metadata_stay_and_paths_still_lead_to_files(clean, tmp_path):
    content = json.loads(clean.read_text())
    assert content["labels"] == ["aneurysm"] and content["settings"]
    content["training"][0]["image"] = "nowhere.nii.gz"
    path = clean.with_name("edited.json")
    path.write_text(json.dumps(content))
    fixed = mend(examine(path), tmp_path).content
    kept = {key: value for key, value in content.items() if key not in ("training", "validation", "test")}
    assert {key: fixed[key] for key in kept} == kept
    assert [case["aneurysms"] for case in fixed["training"]] == [case["aneurysms"] for case in content["training"][1:]]
    assert not os.path.isabs(fixed["test"][0]["image"]) and (tmp_path / fixed["test"][0]["image"]).is_file()


def test_two_classes_of_one_object_and_thin_objects(faulty):
    data = faulty()
    case = data.plant(data.take("object_of_two_classes"), [*CORNERS, CORNERS[0], [1, 1, 1, 4, 2, 4]])
    case["labels"][-2] = 1
    examination = examine(data.write(), demands=Demands(num_classes=2))
    assert found(examination) - {("absent_class", "")} == data.expected
    assert ("tiny_object", case["case_id"]) in found(examination, ("note",))


def test_labels_of_label_maps(faulty):
    data = faulty()
    for kind, labels in (("unmapped_value", {"9": 0}), ("absent_value", {"1": 0, "2": 0, "3": 0, "99": 0})):
        data.take(kind)["labels"] = labels
    data.expected.add(("absent_value", sorted(case for kind, case in data.expected if kind == "unmapped_value")[0]))
    assert found(examine(data.write())) == data.expected


def test_a_label_map_with_another_affine(faulty):
    data = faulty()
    data.image(data.take("label_map_grid"), "moved", lambda values, affine: (values, affine + shift()), "label_map")
    assert found(examine(data.write())) == data.expected


@pytest.mark.parametrize("headers_only", (False, True))
def test_a_moved_segmentation_behind_boxes(faulty, headers_only):
    data = faulty()
    case = data.take("label_map_grid")
    data.image(case, "moved", lambda values, affine: (values, affine + shift()), "label_map")
    moved = case["label_map"]
    data.plant(case)["segmentation"] = moved
    findings = examine(data.write(), headers_only=headers_only).findings
    assert [(f.kind, f.file) for f in findings if f.case_id == case["case_id"]] == [("label_map_grid", moved)]


def shift():
    matrix = np.zeros((4, 4))
    matrix[0, 3] = 2.0
    return matrix


def test_headers_alone_tell_of_files_and_frames(faulty):
    data = faulty(BOX_PLANTERS)
    data.content["training"][-1]["image"] = "nowhere.nii.gz"
    data.expected.add(("missing_image", data.content["training"][-1]["case_id"]))
    assert found(examine(data.write(), headers_only=True)) == data.expected


def test_odd_datalists(tmp_path, clean):
    image = json.loads(clean.read_text())["training"][0]["image"]
    path = tmp_path / "odd.json"
    path.write_text('{"training": [{"image": "a"}], "training": [3, {"boxes": []}, {"image": "x", "box": [], "boxes": []}], "test": {}}')
    assert found(examine(path)) == {
        ("repeated_key", ""),
        ("bad_case", ""),
        *(("bad_case", f"training[{number}]") for number in range(3)),
    }
    path.write_text("{}")
    assert found(examine(path)) == {("no_cases", "")}
    path.write_text(json.dumps({"training": [{"image": str(clean.parent / image), "boxes": 3, "points": "here"}]}))
    assert {kind for kind, _ in found(examine(path))} == {"bad_labels", "no_space", "bad_points", "no_objects"}


def test_points_are_objects(faulty):
    data = faulty()
    case = data.take("point_outside", straight=True)
    del case["label_map"]
    affine = nib.load(case["image"]).affine
    places = [(affine @ [*np.array(corners[:3]) * 1.0, 1])[:3] for corners in CORNERS]
    case |= {"space": "LPS", "points": [place.tolist() for place in places], "labels": [0] * 4}
    path = data.write()
    assert found(examine(path)) == data.expected
    assert found(mended(path)) == set()
    case["space"] = "RAS"
    assert found(examine(data.write())) == set()
    # labels and flags are those of the boxes, then those of the points
    case |= {"boxes": [[*places[0].tolist(), 4.0, 4.0, 4.0]], "labels": [0] * 5, "ignored": [True] * 5, "radii": [None, 1.0, 2.0, None]}
    assert found(examine(data.write())) == set()
    case["radii"] = [1.0, 0.0, 1.0, 1.0]
    assert {kind for kind, _ in found(examine(data.write()))} == {"bad_points"}


@pytest.mark.parametrize(
    "labels, kind",
    [
        (None, "bad_labels"), ([0, 0], "bad_labels"), ([0, 0, 0, 0, 0], "bad_labels"), ([0, 0, "1", 0], "bad_labels"),
        ([0, 0, 0, 7], "label_out_of_range"), ([0, 0, 0, 1], None),
    ],
)  # fmt: skip
def test_labels_of_points_are_those_that_a_training_takes(faulty, labels, kind):
    data = faulty()
    case = data.take("point_outside", straight=True)
    del case["label_map"]
    affine = nib.load(case["image"]).affine
    points = [(affine @ [*np.array(corners[:3]) * 1.0, 1])[:3].tolist() for corners in CORNERS]
    case |= {"space": "RAS", "boxes": [[*points[0], 4.0, 4.0, 4.0]], "points": points[1:], "radii": [2.0] * 3}
    case |= {} if labels is None else {"labels": labels}
    data.content["class_names"] = ["a", "b"]
    path = data.write()
    assert {kind for kind, name in found(examine(path)) if name == case["case_id"]} == ({kind} if kind else set())
    if kind:
        with pytest.raises(DataError, match=case["case_id"]):
            load_datalist(path, "training", num_classes=2)
    else:
        assert load_datalist(path, "training", num_classes=2)
        assert "no object has class 1" not in {finding.what for finding in examine(path).findings}


def test_points_outside_go_with_their_labels_and_flags(faulty):
    data = faulty()
    case = data.take("point_outside", straight=True)
    del case["label_map"]
    affine = nib.load(case["image"]).affine
    points = [(affine @ [*np.array(corners[:3]) * 1.0, 1])[:3].tolist() for corners in CORNERS]
    case |= {"space": "RAS", "boxes": [[*points[0], 4.0, 4.0, 4.0]], "points": [points[1], [900.0] * 3, points[2]], "labels": [0, 1, 2, 3]}
    case |= {"radii": [1.0, 2.0, 3.0], "ignored": [False, True, False, True]}
    content = mend(examine(data.write())).content
    (fixed,) = [item for item in content["training"] if item["case_id"] == case["case_id"]]
    assert fixed["points"] == [points[1], points[2]] and fixed["radii"] == [1.0, 3.0]
    assert fixed["labels"] == [0, 1, 3] and fixed["ignored"] == [False, True, True] and len(fixed["boxes"]) == 1


@pytest.mark.parametrize(
    "names, is_bad", [({"0": "a"}, True), (["a", "a"], True), (["a", 1], True), ("a", True), (["a"], False), (None, False)]
)
def test_class_names_are_different_words(faulty, names, is_bad):
    data = faulty()
    data.content["class_names"] = names
    assert (("bad_class_names", "") in found(examine(data.write(), headers_only=True))) == is_bad


@pytest.mark.parametrize("radii", [["1", 1.0, 1.0, 1.0], [True, 1.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0], [1.0], 2.0])
def test_radii_are_numbers(faulty, radii):
    data = faulty()
    case = data.take("point_outside", straight=True)
    del case["label_map"]
    affine = nib.load(case["image"]).affine
    points = [(affine @ [*np.array(corners[:3]) * 1.0, 1])[:3].tolist() for corners in CORNERS]
    case |= {"space": "RAS", "points": points, "labels": [0] * 4, "radii": radii}
    assert {kind for kind, name in found(examine(data.write())) if name == case["case_id"]} == {"bad_points"}


def test_points_beside_a_label_map_are_named(faulty):
    data = faulty()
    case = data.take("point_outside", straight=True)
    case |= {"space": "RAS", "points": [[0.0, 0.0, 0.0]]}
    assert ("bad_points", case["case_id"]) in found(examine(data.write()))


@pytest.mark.slow
def test_processes_find_the_same(faulty):
    path = copy.copy(faulty(PLANTERS).write())
    assert examine(path, num_workers=2).as_json() == examine(path, num_workers=1).as_json()
