"""Datalists from folders: pairing by name, splits, and complaints."""

import json

import pytest

from medtk_monai.cli.datalist import make_datalist
from medtk_monai.data import load_datalist
from medtk_monai.errors import DataError


@pytest.fixture
def touch(tmp_path):
    """touch("images", names) -> the folder with these empty files."""

    def touch(folder, names):
        (tmp_path / folder).mkdir(exist_ok=True)
        for name in names:
            (tmp_path / folder / name).touch()
        return str(tmp_path / folder)

    return touch


def read(tmp_path):
    content = json.loads((tmp_path / "list.json").read_text())
    return {split: {case["case_id"]: case for case in cases} for split, cases in content.items()}


def pairs(tmp_path, images, label_maps):
    make_datalist(images, label_maps, str(tmp_path / "list.json"), validation=0, test=0)
    return {case: item["label_map"].rsplit("/", 1)[1] for case, item in read(tmp_path)["training"].items()}


NUMBERS = ["01", "02", "11", "12"]


@pytest.mark.parametrize(
    ("image", "label_map", "case"),
    [
        ("openms_{}_FLAIR.nii.gz", "openms_{}_instances.nii.gz", "openms_{}"),
        ("hippocampus_0{}.nii.gz", "hippocampus_0{}.nii.gz", "hippocampus_0{}"),
        ("case_{}_0000.nii.gz", "case_{}.nii.gz", "case_{}"),
        ("{}.png", "{}_mask.png", "{}"),
        ("sub-{}_T1w.nii", "sub-{}_T1w_seg.mha", "sub-{}_T1w"),
        ("a-{}.b.nii", "a-{}.c.nii", "a-{}"),
    ],
)
@pytest.mark.parametrize("count", [1, 4])
def test_pairs(touch, tmp_path, image, label_map, case, count):
    images = touch("images", [image.format(number) for number in NUMBERS[:count]])
    label_maps = touch("masks", [label_map.format(number) for number in NUMBERS[:count]])
    wanted = {case.format(number): label_map.format(number) for number in NUMBERS[:count]}
    assert pairs(tmp_path, images, label_maps) == wanted


def test_pairs_from_one_folder_by_patterns(touch, tmp_path):
    folder = touch(
        "all", [f"c_{n}_{kind}.nii.gz" for n in NUMBERS for kind in ("T1", "FLAIR", "mask")] + ["notes.txt", ".hidden_mask.nii.gz"]
    )
    found = pairs(tmp_path, f"{folder}/*_T1.nii.gz", f"{folder}/*_mask.nii.gz")
    assert found == {f"c_{n}": f"c_{n}_mask.nii.gz" for n in NUMBERS}


@pytest.mark.parametrize(
    ("images", "label_maps", "lone"),
    [
        (["c_01_x.nii", "c_02_x.nii"], ["c_01_m.nii"], "c_02"),
        (["c_01_x.nii"], ["c_01_m.nii", "c_02_m.nii"], "c_02"),
        (["c_01.nii"], ["c_02.nii"], "c_01"),
        (["c_03_T1.nii"], ["c_01_lesion.nii"], "c_03_T1"),
        (["c_01_x.nii", "c_02_x.nii", "c_02_y.nii"], ["c_01_m.nii", "c_02_m.nii"], "c_02_y"),
        (["anna.nii"], ["bert.nii"], "anna"),
        (["p_anna_x.nii", "p_carl_x.nii"], ["p_bert_m.nii", "p_carl_m.nii"], "p_anna"),
        (["c_1_x.nii", "c_10_x.nii"], ["c_1_m.nii"], "c_10"),
    ],
)
def test_files_without_a_partner(touch, tmp_path, images, label_maps, lone):
    with pytest.raises(DataError) as info:
        pairs(tmp_path, touch("images", images), touch("masks", label_maps))
    assert info.value.case == lone
    assert "partner" in info.value.what
    assert info.value.remedy
    assert not (tmp_path / "list.json").exists()


def test_result_is_a_datalist(touch, tmp_path):
    images = touch("images", [f"c_{number}.nii.gz" for number in range(10)] + [".c_0.nii.gz", "notes.txt"])
    out = str(tmp_path / "list.json")
    assert make_datalist(images, images, out) == {"training": 6, "validation": 2, "test": 2}
    cases = [case for split in ("training", "validation", "test") for case in load_datalist(out, split)]
    assert sorted(case["case_id"] for case in cases) == [f"c_{number}" for number in range(10)]
    assert all(case["label_map"].startswith(images) for case in cases)


def test_relative_paths(touch, tmp_path):
    images = touch("images", ["c_1.nii.gz"])
    out = str(tmp_path / "lists" / "list.json")
    make_datalist(images, None, out, validation=0, test=0, relative=True)
    content = (tmp_path / "lists" / "list.json").read_text()
    assert str(tmp_path) not in content
    (case,) = load_datalist(out, "training")
    assert case["boxes"] == []


def test_splits_repeat_with_their_seed(touch, tmp_path):
    images = touch("images", [f"c_{number}.nii.gz" for number in range(20)])
    out = str(tmp_path / "list.json")
    found = []
    for seed in (0, 0, 1):
        make_datalist(images, None, out, seed=seed)
        found.append({split: list(cases) for split, cases in read(tmp_path).items()})
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("validation", "test", "counts"),
    [
        (0.3, 0.1, (6, 3, 1)),
        (1, 2, (7, 1, 2)),
        (0, 1.0, (0, 0, 10)),
        ("c_3", ["c_1", "c_2"], (7, 1, 2)),
        (("c_3",), 4, (5, 1, 4)),
        ("c_1,c_2", 0, (8, 2, 0)),
    ],
)
def test_shares(touch, tmp_path, validation, test, counts):
    images = touch("images", [f"c_{number}.nii.gz" for number in range(10)])
    found = make_datalist(images, None, str(tmp_path / "list.json"), validation=validation, test=test)
    assert tuple(found.values()) == counts
    splits = read(tmp_path)
    assert len({case for cases in splits.values() for case in cases}) == 10
    if isinstance(test, list):
        assert list(splits["test"]) == test


@pytest.mark.parametrize(
    ("validation", "test", "words"),
    [(8, 8, "left"), (0.7, 0.7, "left"), (-1, 0, "no share"), (1.5, 0, "no share"), ("c_77", 0, "unknown"), ("c_1", "c_1", "two splits")],
)
def test_bad_shares(touch, tmp_path, validation, test, words):
    images = touch("images", [f"c_{number}.nii.gz" for number in range(10)])
    with pytest.raises(DataError, match=words) as info:
        make_datalist(images, None, str(tmp_path / "list.json"), validation=validation, test=test)
    assert info.value.remedy


def test_no_files(touch, tmp_path):
    for source in (str(tmp_path / "none"), touch("empty", ["notes.txt"]), str(tmp_path / "*.nii.gz")):
        with pytest.raises(DataError, match="no images found"):
            make_datalist(source, out=str(tmp_path / "list.json"))


def test_equal_names(touch, tmp_path):
    touch("x", ["a.nii.gz"])
    touch("y", ["a.nii.gz"])
    with pytest.raises(DataError, match="one name"):
        make_datalist(str(tmp_path / "*" / "a.nii.gz"), out=str(tmp_path / "list.json"))


def test_patients_stay_together(touch, tmp_path):
    images = touch("images", [f"sub-{number // 2}_ses-{number % 2}.nii.gz" for number in range(8)])
    make_datalist(images, None, str(tmp_path / "list.json"), validation=2, test=2, patients="(sub-[0-9]+)_")
    splits = read(tmp_path)
    patients = [{case["patient_id"] for case in cases.values()} for cases in splits.values()]
    assert [len(found) for found in patients] == [2, 1, 1] and len(set().union(*patients)) == 4
