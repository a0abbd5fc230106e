"""Cases of folds, commands of trainings, and settings that must not change."""

import ast
import json
import os
from pathlib import Path

import pytest

from medtk_monai.errors import DataError
from tests.bundles.running import BUNDLE, TRAIN
from tests.crossval.planted import cross_validation, write_datalist

ANCHOR = str(BUNDLE / "heads" / "anchor.json")


def begin(validation, fold=0):
    validation.claim()
    validation.fold_folder(fold).mkdir(parents=True)
    (validation.fold_folder(fold) / "log.txt").touch()


@pytest.mark.parametrize("num_folds", [2, 3, 4])
def test_each_case_is_in_one_fold_and_no_patient_in_two(tmp_path, num_folds):
    validation = cross_validation(tmp_path, num_folds=num_folds)
    folds = [validation.cases(fold) for fold in range(num_folds)]
    assert sorted(Path(case["image"]).stem for fold in folds for case in fold) == [f"scan_{number}" for number in range(6)]
    patients = [{case["patient_id"] for case in fold} for fold in folds]
    assert sum(map(len, patients)) == 4 == len(set().union(*patients))


def test_patients_of_the_test_are_refused(tmp_path):
    write_datalist(tmp_path, patients=("p", "q"), tested=("q",))
    validation = cross_validation(tmp_path)
    with pytest.raises(DataError, match="same patient is in the test split"):
        [validation.cases(fold) for fold in (0, 1)]


def test_the_command_of_a_fold(tmp_path):
    overrides = {"max_epochs": 3, "backbone::channels": [4, 8, 8], "head": "anchor", "norm": "1.10", "ema_momentum": None}
    validation = cross_validation(tmp_path, overlay=[ANCHOR], overrides=overrides, device="cpu", bundle=TRAIN)
    command = validation.command(1)
    assert command[1:5] == ["-m", "monai.bundle", "run", "training"]
    values = {name: ast.literal_eval(value) for name, _, value in (word[2:].partition("=") for word in command[5:])}
    assert values.pop("config_file") == [TRAIN, ANCHOR]
    own = {"folds": 2, "fold": 1, "resume": "auto", "device": "cpu", "output_dir": str(tmp_path / "cv" / "fold_1")}
    own |= {"datalist": os.path.abspath(validation.datalist), "cache_dir": str(tmp_path / "cv" / "cache")}
    assert values == overrides | own


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"num_folds": 3}, "folds"),
        ({"overrides": {"max_epochs": 4}}, "--max_epochs"),
        ({"overrides": {}}, "--max_epochs"),
        ({"overlay": [ANCHOR]}, "overlay, configuration"),
        ({"dataset_dir": "."}, "dataset_dir"),
    ],
)
def test_other_settings_are_refused_in_one_line(tmp_path, changes, words):
    known = {"overrides": {"max_epochs": 3}}
    begin(cross_validation(tmp_path, **known))
    cross_validation(tmp_path, **known).claim()
    with pytest.raises(DataError, match=f"^[^\n]*other settings: {words} -- [^\n]*$"):
        cross_validation(tmp_path, **(known | changes)).claim()


def test_other_cases_are_refused_but_for_those_of_the_test(tmp_path):
    begin(cross_validation(tmp_path))
    path = tmp_path / "datalist.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"test": []}))
    cross_validation(tmp_path).claim()
    path.write_text(json.dumps(content | {"training": content["training"][1:]}))
    with pytest.raises(DataError, match="other settings: cases"):
        cross_validation(tmp_path).claim()


def test_what_may_differ_between_machines_and_before_the_first_training(tmp_path):
    cross_validation(tmp_path, num_folds=3).claim()
    begin(cross_validation(tmp_path, overrides={"cache_host_gb": 1}))
    cross_validation(tmp_path, device="cpu", overrides={"cache_host_gb": 64}).claim()


def test_points_get_the_nominal_radius(tmp_path):
    path = write_datalist(tmp_path)
    content = json.loads(path.read_text())
    for case in (*content["training"], *content["validation"], *content["test"]):
        case["points"] = [box[:3] for box in case.pop("boxes")]
    path.write_text(json.dumps(content))
    validation = cross_validation(tmp_path, overrides={"point_radius_mm": 3})
    assert all(box[3:] == [6.0] * 3 for case in [*validation.cases(0), *validation.test_cases()] for box in case["boxes"])
    with pytest.raises(DataError, match="point_radius_mm"):
        cross_validation(tmp_path).cases(0)
