"""Settings are never chosen on the test."""

import json

import pytest

from medtk_monai.errors import DataError
from medtk_monai.tuning.validation import validation_cases


@pytest.fixture
def datalist(tmp_path):
    def write(**splits):
        content = {}
        for split, names in splits.items():
            content[split] = []
            for name in names:
                image, _, patient = name.partition("/")
                (tmp_path / f"{image}.nii").touch()
                content[split].append(
                    {"image": f"{image}.nii", "case_id": f"{split}_{image}"} | ({"patient_id": patient} if patient else {})
                )
        (tmp_path / "datalist.json").write_text(json.dumps(content))
        return tmp_path / "datalist.json"

    return write


def test_the_validation(datalist):
    path = datalist(training=["a"], validation=["b/x", "c/x"], test=["d/y"])
    assert [case["case_id"] for case in validation_cases(path)] == ["validation_b", "validation_c"]


def test_the_fold_that_the_training_left_out(datalist):
    path = datalist(training=["a", "b", "c"], validation=["d"], test=["e"])
    folds = [[case["image"] for case in validation_cases(path, trained={"folds": 4, "fold": fold})] for fold in range(4)]
    assert [len(fold) for fold in folds] == [1] * 4 and len({image for fold in folds for image in fold}) == 4


@pytest.mark.parametrize("split", ["test", "training"])
def test_splits_that_are_refused(datalist, split):
    with pytest.raises(DataError, match=f"{split} split"):
        validation_cases(datalist(training=["a"], validation=["b"], test=["c"]), split)


@pytest.mark.parametrize("shared, what", [("b", "image"), ("c/x", "patient")])
def test_what_the_test_shares(datalist, shared, what):
    with pytest.raises(DataError, match=f"validation_b.*same {what} is in the test split"):
        validation_cases(datalist(validation=["b/x"], test=[shared]))


def test_points_get_the_nominal_radius_of_the_training(datalist):
    path = datalist(validation=["a"], test=["b"])
    content = json.loads(path.read_text())
    for split in content.values():
        split[0] |= {"points": [[1.0, 2.0, 3.0]], "labels": [0], "space": "RAS"}
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="point_radius_mm"):
        validation_cases(path)
    (case,) = validation_cases(path, trained={"point_radius_mm": 2.5})
    assert case["boxes"] == [[1.0, 2.0, 3.0, 5.0, 5.0, 5.0]]
