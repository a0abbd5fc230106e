"""Reading datalists: what a good one gives, and what is told about each kind of bad one."""

import json

import pytest

from medtk_monai.data.datalist import case_name, load_datalist
from medtk_monai.errors import DataError

BOX = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


@pytest.fixture
def write(tmp_path):
    """write(cases, ...) -> a datalist with these training cases, beside files a.nii.gz, b.nii.gz and m.nii.gz."""
    for name in ("a.nii.gz", "b.nii.gz", "m.nii.gz"):
        (tmp_path / name).touch()

    def write(cases, name="list.json", **splits):
        path = tmp_path / name
        path.write_text(json.dumps({"training": cases, **splits}))
        return path

    return write


def boxed(**fields):
    """A valid case with one box, with some fields replaced; None removes a field."""
    case = {"image": "a.nii.gz", "boxes": [BOX], "labels": [0], "space": "RAS"} | fields
    return {key: value for key, value in case.items() if value is not None}


def error_of(path, **options):
    with pytest.raises(DataError) as info:
        load_datalist(path, options.pop("split", "training"), **options)
    assert info.value.remedy
    assert "\n" not in str(info.value)
    return info.value


def test_boxes_are_completed(write, tmp_path):
    (case,) = load_datalist(write([boxed(site="X", boxes=[[1, 2, 3, 4, 5, 6]])]), "training")
    assert case == {
        "image": str(tmp_path / "a.nii.gz"),
        "case_id": "a",
        "boxes": [BOX],
        "labels": [0],
        "ignored": [False],
        "space": "RAS",
        "direction": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        "site": "X",
    }


def test_fields_are_kept(write):
    direction = [[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, -1]]
    (case,) = load_datalist(write([boxed(case_id="C", direction=direction, ignored=[True], space="LPS")]), "training")
    assert (case["case_id"], case["direction"], case["ignored"], case["space"]) == ("C", direction, [True], "LPS")


def test_two_dimensions(write):
    (case,) = load_datalist(write([boxed(boxes=[[1, 2, 3, 4]])]), "training", spatial_dims=2)
    assert case["boxes"] == [[1.0, 2.0, 3.0, 4.0]]
    assert case["direction"] == [[1, 0], [0, 1]]


@pytest.mark.parametrize("empty", [{}, {"boxes": [], "labels": []}, {"boxes": []}, {"box": [], "label": []}])
def test_cases_without_objects(write, empty):
    (case,) = load_datalist(write([{"image": "a.nii.gz", **empty}]), "training")
    assert (case["boxes"], case["labels"], case["ignored"]) == ([], [], [])


def test_label_maps(write, tmp_path):
    cases = [{"image": "a.nii.gz", "label_map": "m.nii.gz", "labels": {"1": 0, "12": 1}}, {"image": "b.nii.gz", "label": "m.nii.gz"}]
    first, second = load_datalist(write(cases), "training", num_classes=2)
    assert first["label_map"] == second["label_map"] == str(tmp_path / "m.nii.gz")
    assert first["labels"] == {1: 0, 12: 1}
    assert "labels" not in second
    assert "boxes" not in first


def test_names_of_the_model_zoo(write):
    (case,) = load_datalist(write([{"image": "a.nii.gz", "box": [BOX], "label": [2], "space": "LPS"}]), "training")
    assert (case["boxes"], case["labels"]) == ([BOX], [2])
    assert not {"box", "label"} & set(case)


def test_paths_start_at_dataset_dir(write, tmp_path):
    elsewhere = tmp_path / "x" / "y"
    elsewhere.mkdir(parents=True)
    path = write([{"image": "a.nii.gz"}]).rename(elsewhere / "list.json")
    assert load_datalist(path, "training", dataset_dir=tmp_path)[0]["image"] == str(tmp_path / "a.nii.gz")
    assert "dataset_dir" in error_of(path).remedy


def test_paths_may_be_absolute(write, tmp_path):
    assert load_datalist(write([{"image": str(tmp_path / "a.nii.gz")}]), "training", dataset_dir="/nowhere")


def test_relative_datalist_gives_absolute_paths(write, tmp_path, monkeypatch):
    write([{"image": "a.nii.gz"}])
    monkeypatch.chdir(tmp_path)
    assert load_datalist("list.json", "training")[0]["image"] == str(tmp_path / "a.nii.gz")


def test_any_split(write):
    path = write([{"image": "a.nii.gz"}], fold_3=[{"image": "b.nii.gz"}])
    assert [case["case_id"] for case in load_datalist(path, "fold_3")] == ["b"]


@pytest.mark.parametrize(
    ("path", "name"),
    [("x/a.nii.gz", "a"), ("a.b.nii.gz", "a.b"), ("a.png", "a"), ("a.mha", "a"), ("a", "a"), ("sub-01.T1.nii", "sub-01.T1")],
)
def test_case_names(path, name):
    assert case_name(path) == name


def test_case_name_of_a_folder(tmp_path):
    (tmp_path / "1.2.840.5").mkdir()
    assert case_name(tmp_path / "1.2.840.5") == "1.2.840.5"


def test_unknown_and_empty_splits(write):
    path = write([{"image": "a.nii.gz"}], test=[], name="n.json")
    for split in ("validation", "test"):
        error = error_of(path, split=split)
        assert repr(split) in error.what
        assert "training (1 cases), test (0 cases)" in error.remedy


@pytest.mark.parametrize(
    ("content", "words"), [("{", "is not a JSON file"), ("[]", "holds a list"), ("{}", "no cases"), ('{"training": 3}', "no cases")]
)
def test_malformed_datalists(tmp_path, content, words):
    (tmp_path / "list.json").write_text(content)
    assert words in error_of(tmp_path / "list.json").what


def test_missing_datalist(tmp_path):
    assert "does not exist" in error_of(tmp_path / "none.json").what


@pytest.mark.parametrize("item", [3, None, "a.nii.gz", ["a.nii.gz"], {}, {"image": 3}, {"image": ""}, {"image": ["a.nii.gz"]}])
def test_items_without_an_image(write, item):
    error = error_of(write([{"image": "b.nii.gz"}, item]))
    assert error.case == "training[1]"


@pytest.mark.parametrize("item", [{"image": "c.nii.gz", "case_id": "a"}, {"image": "a.nii.gz", "label_map": "c.nii.gz"}])
def test_missing_files(write, item):
    error = error_of(write([item]))
    assert error.case == "a"
    assert "c.nii.gz does not exist" in error.what


def replaced(position, value):
    return [BOX[:position] + [value] + BOX[position + 1 :]]


BAD_BOXES = {
    "nan": replaced(0, float("nan")),
    "infinite": replaced(4, float("inf")),
    "overlong": replaced(4, 10**400),
    "text": replaced(1, "2"),
    "null": replaced(1, None),
    "negative size": replaced(3, -4.0),
    "zero size": replaced(5, 0),
    "too short": [BOX[:5]],
    "too long": [[*BOX, 1.0]],
    "flat": BOX[:1],
    "object": [{"x": 1}],
}


@pytest.mark.parametrize("boxes", BAD_BOXES.values(), ids=BAD_BOXES)
def test_bad_boxes(write, boxes):
    error = error_of(write([boxed(boxes=boxes)]))
    assert error.case == "a"
    assert "box 0" in error.what


def test_box_lengths_must_agree(write):
    assert "box 1" in error_of(write([boxed(boxes=[BOX, BOX[:4]], labels=[0, 0])])).what
    assert "not 4 numbers" in error_of(write([boxed()]), spatial_dims=2).what


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"space": None}, "without a"),
        ({"space": "RSA"}, "'RSA'"),
        ({"space": "ras"}, "'ras'"),
        ({"labels": []}, "0 labels for 1 boxes"),
        ({"labels": [0, 0]}, "2 labels for 1 boxes"),
        ({"labels": None}, "0 labels for 1 boxes"),
        ({"labels": {"1": 0}}, "labels"),
        ({"boxes": None}, "1 labels for 0 boxes"),
        ({"boxes": "all"}, "boxes"),
        ({"labels": [-1]}, "-1"),
        ({"labels": [1.5]}, "1.5"),
        ({"labels": [True]}, "True"),
        ({"labels": ["aneurysm"]}, "aneurysm"),
        ({"ignored": [False, True]}, "ignored"),
        ({"ignored": [1]}, "ignored"),
        ({"ignored": True}, "ignored"),
        ({"direction": [[1, 0], [0, 1]]}, "direction"),
        ({"direction": [[2, 0, 0], [0, 1, 0], [0, 0, 1]]}, "direction"),
        ({"direction": [[1, 1, 0], [0, 0, 0], [0, 0, 1]]}, "direction"),
        ({"direction": "RAS"}, "direction"),
        ({"direction": [[1, 0, float("nan")], [0, 1, 0], [0, 0, 1]]}, "direction"),
        ({"box": [BOX]}, "both"),
        ({"label_map": "m.nii.gz"}, "both"),
        ({"boxes": None, "labels": {"1": 0}, "label_map": 3}, "path"),
        ({"boxes": None, "label_map": "m.nii.gz"}, "labels"),
        ({"boxes": None, "labels": {"a": 0}, "label_map": "m.nii.gz"}, "labels"),
        ({"boxes": None, "labels": {"1": -1}, "label_map": "m.nii.gz"}, "-1"),
    ],
)
def test_bad_fields(write, fields, words):
    error = error_of(write([{"image": "b.nii.gz"}, boxed(**fields)]))
    assert error.case in ("a", "training[1]")
    assert words in error.what


@pytest.mark.parametrize("case", [boxed(labels=[2]), {"image": "a.nii.gz", "label_map": "m.nii.gz", "labels": {"1": 2}}])
def test_labels_above_the_number_of_classes(write, case):
    error = error_of(write([case]), num_classes=2)
    assert "[0, 2)" in error.what
    assert "num_classes to 3" in error.remedy
    assert load_datalist(write([case]), "training", num_classes=3)


def test_case_ids_are_unique(write, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.nii.gz").touch()
    cases = [{"image": "a.nii.gz"}, {"image": "other/a.nii.gz"}]
    assert error_of(write(cases)).case == "a"
    assert len(load_datalist(write([cases[0], cases[1] | {"case_id": "a2"}]), "training")) == 2
