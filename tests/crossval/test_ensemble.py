"""The networks of several folds together."""

import json
import shlex
from dataclasses import replace

import pytest

import medtk_monai.crossval.ensemble as ensembles
from medtk_monai.crossval import collect, look_out_of_fold
from medtk_monai.crossval.ensemble import Ensemble, evaluate_test
from medtk_monai.errors import DataError
from medtk_monai.formats import read_predictions
from medtk_monai.metrics import parse_goal, parse_rules
from medtk_monai.model import ModelSource
from medtk_monai.tuning import settings_grid
from tests.bundles.running import BUNDLE
from tests.crossval.planted import OneKind, cross_validation, load
from tests.prediction.marked_scans import predictor

GOAL = parse_goal("sensitivity@1", parse_rules("iou:0.5"))


@pytest.fixture
def collected(tmp_path):
    """A cross-validation of two folds whose findings lie in its folder."""
    validation = cross_validation(tmp_path)
    found = look_out_of_fold(validation, [0, 1], load)
    collect(found, settings_grid(["nms"], [0.2], [0.35], [0.2]), GOAL, 10).write(validation.folder)
    for fold in (0, 1):
        validation.fold_folder(fold).mkdir()
        validation.checkpoint(fold).write_text(str(fold))
    return validation


def test_how_to_use_it(collected, monkeypatch):
    made = {}
    monkeypatch.setattr(ensembles, "make_model", lambda source, out, name, overwrite: made.update(source=source, out=out, name=name))
    monkeypatch.setattr(ensembles, "write_tuning", lambda path, tuned, points: made.update(tuned=tuned, points=points))
    plan = replace(collected, num_folds=3, overlay=["a b.json"], overrides={"max_epochs": 3, "norm": "$'batch'"})
    ensemble = Ensemble(plan, [0, 1], "last.pt")
    ensemble.write()
    told = json.loads((plan.folder / "ensemble.json").read_text())
    assert told["checkpoints"] == [str(plan.folder / f"fold_{fold}" / "last.pt") for fold in (0, 1)]
    assert told["missing_folds"] == [2] and told["merge_iou"] == 0.2
    assert shlex.split(told["predict"]) == ["medtk", "predict", "SCANS", str(plan.folder)]
    # Checkpoints that tell nothing of their configuration are of an earlier version, and need the bundle.
    assert made["source"].bundle == str(BUNDLE) and list(made["source"].checkpoint) == told["checkpoints"]
    assert (made["out"], made["name"]) == (plan.folder / "model", plan.folder.name) and made["tuned"]["merge_iou"] == 0.2
    assert made["points"] == json.loads((plan.folder / "sweep.json").read_text())["operating_points"]


def test_the_test_split_is_judged_at_the_threshold_of_the_folds(collected, monkeypatch):
    both = predictor(networks=[OneKind(0, 0.0), OneKind(1, 0.0)])
    monkeypatch.setattr(Ensemble, "predictor", lambda self: both)
    monkeypatch.setattr(ModelSource, "identity", lambda self: {"weights": made})
    made = ["1", "2"]
    before = (collected.folder / "tuned.json").read_bytes(), (collected.folder / "sweep.json").read_bytes()
    result = evaluate_test(Ensemble(collected, [0, 1], "best.pt"), load(0), GOAL, 10)
    (case,) = read_predictions(collected.folder / "test" / "predictions.json")
    assert case["case_id"] == "scan_6" and sorted(case["labels"]) == [0, 1] and result.metrics["num_lesions"] == 2
    summary = json.loads((collected.folder / "sweep.json").read_text())
    (name, point), (given,) = list(result.metrics["operating_points"].items())[-1], summary["operating_points"].values()
    assert name == "1 FP per case, from out of fold" and point["threshold"] == given["threshold"]
    assert before == ((collected.folder / "tuned.json").read_bytes(), (collected.folder / "sweep.json").read_bytes())
    with pytest.raises(DataError, match="made with other settings: weights"):
        made.pop()
        evaluate_test(Ensemble(collected, [1], "best.pt"), load(0), GOAL, 10)
