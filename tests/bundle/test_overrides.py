import json
from pathlib import Path

import pytest

from medtk_monai.bundle import check_overrides
from medtk_monai.bundle.overrides import read_config
from medtk_monai.errors import DataError

BUNDLE = Path(__file__).parents[2] / "bundles" / "aneurysm"
START = ["monai/bundle/__main__.py", "run", "training", "--config_file"]


@pytest.mark.parametrize("files", [str(BUNDLE / "train.json"), f"['{BUNDLE / 'train.json'}', '{BUNDLE / 'evaluate.json'}']"])
def test_values_of_the_configuration_and_of_monai_pass(files):
    check_overrides([*START, files, "--max_epochs", "3", "--train::random_transforms::transforms::0::overhang=4", "--logging_file", "x"])
    check_overrides([START[0], "run", f"--config_file={files}", "--backbone#channels", "[4]"])


def test_a_value_of_a_later_file_needs_that_file():
    with pytest.raises(DataError, match="--checkpoint"):
        check_overrides([*START, str(BUNDLE / "train.json"), "--checkpoint", "a.pt"])


@pytest.mark.parametrize("word", ["--max_epoch", "--max_epoch=3"])
def test_a_mistyped_name_is_told_with_the_likely_one(word):
    with pytest.raises(DataError) as caught:
        check_overrides([*START, str(BUNDLE / "train.json"), word, "3"])
    assert caught.value.remedy == "did you mean --max_epochs?"


def test_bundles_of_a_former_version_are_told_from_others(tmp_path):
    path = tmp_path / "train.json"
    path.write_text(json.dumps({"max_epochs": 3, "parts": {"_target_": "medtk_monai.bundle.choose", "options": "@heads", "name": "@head"}}))
    for check in (lambda: check_overrides([*START, str(path)]), lambda: read_config([str(path)])):
        with pytest.raises(DataError, match="for a former version of medtk_monai -- make it anew by medtk new, or keep what differs"):
            check()


@pytest.mark.parametrize("part, named", [("train", "train_handlers"), ("validate", "validation_handlers")])
def test_lists_of_handlers_are_told_their_new_place(tmp_path, part, named):
    path = tmp_path / "overlay.json"
    path.write_text(json.dumps({f"{part}::handlers": []}))
    with pytest.raises(DataError, match=f"{part}::handlers is not looked at.* name them in {named}"):
        read_config([str(BUNDLE / "train.json"), str(path)])


def test_explanations_cannot_be_set():
    with pytest.raises(DataError, match="names no value"):
        check_overrides([*START, str(BUNDLE / "train.json"), "--max_epochs?", "3"])


def test_other_programs_are_left_alone():
    check_overrides(["pytest", "--config_file", "none.json", "--max_epoch"])
