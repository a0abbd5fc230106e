"""Folders that commands take or leave alone, and choices that are none."""

import json
import re
import sys

import pytest
from torch import nn

from medtk_monai.cli.main import main
from medtk_monai.errors import DataError
from medtk_monai.export import InputSpec, export_network
from medtk_monai.formats.conversion import read_cases
from medtk_monai.metrics import parse_goal, parse_rules
from medtk_monai.model import ModelSource
from medtk_monai.prediction import find_scans
from medtk_monai.prediction.outputs import chosen_formats
from medtk_monai.prediction.run import predict_scans
from medtk_monai.tuning import keep_in_model, sweep
from medtk_monai.tuning.printed import format_sweep
from tests.prediction.marked_scans import predictor, save_marked
from tests.tuning.test_sweep import grid, touching_lesions, truth

tuning = sys.modules[keep_in_model.__module__]


def ended(monkeypatch, *words):
    """What the command ends with."""
    monkeypatch.setattr(sys, "argv", ["medtk", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        main()
    return str(end.value)


def test_the_folder_of_predictions_is_read_by_its_predictions_alone(tmp_path):
    """Beside predictions.json lie settings.json and predictions.csv, and in the folder of a case five more formats."""
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        save_marked(tmp_path / "in" / f"{name}.nii")
    predict_scans(predictor, find_scans([tmp_path / "in"]), tmp_path / "out", chosen_formats(None), {"seed": 1})
    assert [case["case_id"] for case in read_cases(tmp_path / "out")] == ["a", "b"]
    (one,) = read_cases(tmp_path / "out" / "b")
    assert one["case_id"] == "b" and len(one["boxes"]) == 2
    assert len(read_cases(tmp_path / "out", "luna")) == 2


@pytest.mark.parametrize("left, told", [("best.pt", "--checkpoint .*best.pt"), ("last.pt", "--checkpoint .*last.pt"), (None, "train on")])
def test_the_folder_of_a_training_without_a_model_is_named(tmp_path, monkeypatch, left, told):
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text(json.dumps({}))
    if left:
        (run / left).write_bytes(b"")
    save_marked(tmp_path / "scan.nii")
    message = ended(monkeypatch, "predict", run, tmp_path / "scan.nii", "--out", tmp_path / "out")
    assert re.search(f"error: .*run is the folder of a training, and there is no model in it -- .*{told}", message)
    assert not (tmp_path / "out").exists()


def test_an_export_writes_over_nothing(tmp_path):
    (tmp_path / "network.onnx").write_text("mine")
    with pytest.raises(DataError, match="is not empty, and an export writes over nothing -- choose another --out"):
        export_network(nn.Identity(), tmp_path, InputSpec.of_any_size(1, (4, 4)), ["pt2"])
    assert [path.name for path in tmp_path.iterdir()] == ["network.onnx"] and (tmp_path / "network.onnx").read_text() == "mine"


def test_a_sweep_whose_settings_are_all_worth_0_says_so_and_is_not_kept(tmp_path, monkeypatch):
    """The only lesion of each case lies where nothing is found."""
    found, _ = touching_lesions()
    truths = [truth(part.case_id, [[30.0, 30, 30, 34, 34, 34, 1]]) for part in found]
    result = sweep(found, truths, grid(), parse_goal("froc_mean", parse_rules("medtk")), 100, 20)
    assert all(trial.value == 0 for trial in result.trials)
    assert "no setting is worth more than 0: nothing was chosen" in format_sweep(result)
    monkeypatch.setattr(tuning, "find_model", lambda path: path)
    monkeypatch.setattr(tuning, "write_tuning", lambda *_: pytest.fail("it must not be kept"))
    assert keep_in_model(ModelSource((str(tmp_path),)), result) is None


def test_a_sweep_that_finds_something_is_kept(tmp_path, monkeypatch):
    kept = []
    result = sweep(*touching_lesions(), grid(), parse_goal("froc_mean", parse_rules("medtk")), 100, 20)
    monkeypatch.setattr(tuning, "find_model", lambda path: path)
    monkeypatch.setattr(tuning, "write_tuning", lambda *given: kept.append(given))
    assert keep_in_model(ModelSource((str(tmp_path),)), result) == str(tmp_path) and kept
