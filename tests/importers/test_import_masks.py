"""Folders with label maps: what is painted comes back as boxes on the grid of the scan."""

import json
import os

import pytest

from medtk_monai.errors import DataError
from tests.importers.trees import cases_of, run, save, seen

TOUCHING = [(1, (2, 2, 2, 5, 5, 5)), (2, (5, 2, 2, 7, 4, 4))]
"""Two objects that touch, of different values."""
CORNER = [(1, (2, 2, 2, 4, 4, 4)), (1, (4, 4, 4, 6, 6, 6))]
"""One value, in two blocks that share a corner alone."""
FAR = [(1, (2, 2, 2, 4, 4, 4)), (1, (9, 9, 6, 12, 10, 7)), (2, (12, 2, 2, 15, 5, 5))]


@pytest.fixture
def tree(tmp_path):
    """tree(blocks by case) -> a folder images/ and masks/."""

    def make(cases):
        for name, blocks in cases.items():
            save(tmp_path / "set/images" / f"{name}_t1.nii.gz")
            save(tmp_path / "set/masks" / f"{name}_seg.nii.gz", blocks)
        return tmp_path / "set"

    return make


def test_each_value_is_an_object(tree, tmp_path):
    account = run("masks", tree({"a": TOUCHING, "b": []}), tmp_path / "out", class_names="cyst")
    cases = cases_of(tmp_path / "out")
    assert seen(cases["a"]) == [([2, 2, 2, 5, 5, 5], 0, False), ([5, 2, 2, 7, 4, 4], 0, False)]
    assert seen(cases["b"]) == []
    assert cases["a"]["label_map"].endswith("set/masks/a_seg.nii.gz")
    assert account["splits"]["training"] == {"cases": 2, "patients": 2, "cases_without_objects": 1, "objects": {"cyst": 2}, "ignored": 0}


def test_components_of_classes(tree, tmp_path):
    account = run("semantic", tree({"a": FAR}), tmp_path / "out", class_names="cyst,tumor")
    wanted = [([2, 2, 2, 4, 4, 4], 0, False), ([9, 9, 6, 12, 10, 7], 0, False), ([12, 2, 2, 15, 5, 5], 1, False)]
    assert seen(cases_of(tmp_path / "out")["a"]) == wanted
    assert account["class_names"] == ["cyst", "tumor"]
    assert account["splits"]["training"]["objects"] == {"cyst": 2, "tumor": 1}
    assert cases_of(tmp_path / "out")["a"]["segmentation"].endswith("a_seg.nii.gz")


@pytest.mark.parametrize(
    ("connectivity", "count"),
    [(None, 1), (26, 1), (18, 2), (6, 2), (0, 1)],
)
def test_connectivity(tree, tmp_path, connectivity, count):
    run("semantic", tree({"a": CORNER}), tmp_path / "out", connectivity=connectivity)
    assert len(seen(cases_of(tmp_path / "out")["a"])) == count


def test_a_map_with_one_component_of_each_value_stays_a_label_map(tree, tmp_path):
    run("semantic", tree({"a": TOUCHING}), tmp_path / "out")
    (case,) = cases_of(tmp_path / "out").values()
    assert case["labels"] == {1: 0, 2: 1} and "boxes" not in case
    assert [label for _, label, _ in seen(case)] == [0, 1]


def test_connectivity_0_keeps_all_voxels_of_a_value_together(tree, tmp_path):
    run("semantic", tree({"a": FAR}), tmp_path / "out", connectivity=0)
    assert seen(cases_of(tmp_path / "out")["a"]) == [([2, 2, 2, 12, 10, 7], 0, False), ([12, 2, 2, 15, 5, 5], 1, False)]


@pytest.mark.parametrize("limit", [{"min_voxels": 8}, {"min_mm3": 3.0}])
@pytest.mark.parametrize("drop", [False, True])
def test_small_objects_are_ignored_or_left_out(tree, tmp_path, limit, drop):
    """Voxels have 0.45 mm^3; the objects 3, 8 and 27 voxels."""
    account = run("semantic", tree({"a": FAR}), tmp_path / "out", drop_small=drop, **limit)
    found = [(box[0], ignored) for box, _, ignored in seen(cases_of(tmp_path / "out")["a"])]
    assert found == [(2, False), *([] if drop else [(9, True)]), (12, False)]
    assert account["splits"]["training"]["ignored"] == (0 if drop else 1)
    assert [item["case_id"] for item in account["left_out"]] == (["a"] if drop else [])


def test_classes_of_instances_from_the_file_beside_them(tree, tmp_path):
    source = tree({"a": TOUCHING})
    (source / "masks/a_seg.json").write_text(json.dumps({"instances": {"1": 1, "2": 0}}))
    run("masks", source, tmp_path / "out")
    assert [label for _, label, _ in seen(cases_of(tmp_path / "out")["a"])] == [1, 0]
    (source / "masks/a_seg.json").write_text(json.dumps({"instances": {"1": 1}}))
    with pytest.raises(DataError, match="a_seg.json does not tell the class of the value 2"):
        run("masks", source, tmp_path / "other")


def test_tables_tell_patients_and_columns(tree, tmp_path):
    source = tree({name: [] for name in ("a1", "a2", "b1", "b2")})
    rows = ["id,patient,age,site,image", *(f"{name},P{name[0]},{70 + n},X,y.nii" for n, name in enumerate(("a1", "a2", "b1", "b2")))]
    (source / "manifest.csv").write_text("\n".join(rows))
    run("masks", source, tmp_path / "out", validation=0.5)
    cases = cases_of(tmp_path / "out")
    assert {case["patient_id"] for case in cases.values()} == {"Pa", "Pb"}
    assert (cases["b1"]["age"], cases["b1"]["site"]) == (72, "X") and cases["b1"]["image"].endswith("b1_t1.nii.gz")
    assert cases["a1"]["split"] == cases["a2"]["split"] != cases["b1"]["split"] == cases["b2"]["split"]


def test_paths_relative_to_the_datalist(tree, tmp_path):
    source = tree({"a": FAR})
    run("semantic", source, tmp_path / "out", relative=True)
    entry = json.loads((tmp_path / "out/datalist.json").read_text())["training"][0]
    assert {key: os.path.isabs(entry[key]) for key in ("image", "segmentation")} == {"image": False, "segmentation": False}
    assert len(seen(cases_of(tmp_path / "out")["a"])) == 3


@pytest.mark.parametrize(
    ("name", "options", "what"),
    [
        ("semantic", {"class_names": "one"}, "1 class names for the values 1, 2"),
        ("semantic", {"class_names": "one,one"}, "class_names.*one"),
        ("semantic", {"connectivity": 5}, "connectivity is 5"),
        ("semantic", {"connectivity": 8}, "connectivity 8 in 3D"),
        ("masks", {"connectivity": 6}, "takes no --connectivity"),
        ("masks", {"radius_mm": 3.0}, "takes no --radius_mm"),
        ("semantic", {"label_maps": "none"}, "no label maps found"),
        ("semantic", {"patients": "(x)"}, "finds no patient"),
        ("masc", {}, "choose masks"),
    ],
)
def test_what_is_wrong_is_told(tree, tmp_path, name, options, what):
    with pytest.raises(DataError, match=what) as info:
        run(name, tree({"a": FAR}), tmp_path / "out", **options)
    assert info.value.remedy
    assert not (tmp_path / "out/datalist.json").exists()
