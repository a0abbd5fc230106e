"""Folds keep patients together, and processes share cases."""

import json
from collections import Counter

import pytest

from medtk_monai.data import Selection, deal_patients, select_cases, share_cases
from medtk_monai.errors import DataError


@pytest.fixture
def datalist(tmp_path):
    """Two scans of each of ten patients, and a test case."""
    (tmp_path / "image.nii.gz").touch()
    cases = [{"image": "image.nii.gz", "case_id": f"{patient}{scan}", "patient_id": patient} for patient in "abcdefghij" for scan in (1, 2)]
    test = [{"image": "image.nii.gz", "case_id": "t"}]
    (tmp_path / "datalist.json").write_text(json.dumps({"training": cases[:13], "validation": cases[13:], "test": test, "labels": ["x"]}))
    return tmp_path / "datalist.json"


def ids(datalist, split, **chosen):
    return [case["case_id"] for case in select_cases(datalist, split, Selection(**chosen))]


def test_without_a_selection_splits_stay_as_they_are(datalist):
    assert len(ids(datalist, "training")) == 13 and len(ids(datalist, "validation")) == 7
    assert select_cases(datalist, "test")[0]["case_id"] == "t"


def test_each_case_is_validated_in_one_fold_and_patients_stay_together(datalist):
    validated = []
    for fold in range(4):
        training, validation = (ids(datalist, split, folds=4, fold=fold) for split in ("training", "validation"))
        assert sorted(training + validation) == sorted(ids(datalist, "training") + ids(datalist, "validation"))
        assert not {case[0] for case in training} & {case[0] for case in validation}
        validated += validation
    assert Counter(validated) == Counter(ids(datalist, "training") + ids(datalist, "validation"))
    assert ids(datalist, "test", folds=4) == ["t"]


def test_folds_are_even_and_depend_on_the_seed_only():
    cases = [{"case_id": str(number)} for number in range(23)]
    folds = deal_patients(cases, 5, seed=1)
    assert sorted(Counter(folds).values()) == [4, 4, 5, 5, 5]
    shuffled = dict(zip((case["case_id"] for case in cases[::-1]), deal_patients(cases[::-1], 5, seed=1)))
    assert shuffled == dict(zip((case["case_id"] for case in cases), folds))
    assert deal_patients(cases, 5, seed=2) != folds
    with pytest.raises(DataError, match="23 patients.*24 folds"):
        deal_patients(cases, 24)


def test_ranks_share_cases_and_the_rest_repeats_the_first(datalist):
    whole = ids(datalist, "training", limit=5)
    assert len(whole) == 5
    assert [share_cases(whole, rank, 2) for rank in range(2)] == [whole[::2], whole[1::2]]
    assert share_cases(["t"], 3, 4) == ["t"]


def test_folds_refuse_cases_of_one_name(tmp_path):
    (tmp_path / "image.nii.gz").touch()
    case = {"image": "image.nii.gz"}
    (tmp_path / "datalist.json").write_text(json.dumps({"training": [case], "validation": [case]}))
    with pytest.raises(DataError, match="2 cases of training and validation"):
        ids(tmp_path / "datalist.json", "training", folds=2)


@pytest.mark.parametrize("wrong", [{"folds": 1}, {"folds": 3, "fold": 3}, {"fold": 1}, {"limit": -1}, {"seed": -1}])
def test_impossible_selections_are_named(wrong):
    with pytest.raises(ValueError, match="Selection"):
        Selection(**wrong)
