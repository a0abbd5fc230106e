"""``medtk crossval`` with tiny trainings, as users type it."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from medtk_monai.crossval import training
from medtk_monai.formats import read_predictions
from tests.bundles.running import BUNDLE, SMALL
from tests.processes import run_module

pytestmark = pytest.mark.usefixtures("quiet_hooks")
VALUES = [word for name, value in (SMALL | {"dense_postprocessor::score_threshold": 0.0}).items() for word in (f"--{name}", value)]


@pytest.fixture
def started(monkeypatch):
    """The command lines of trainings, which run in copies of this process."""
    commands = []

    def run(command, log):
        assert command[:3] == [sys.executable, "-m", "monai.bundle"]
        commands.append(command)
        done = run_module("monai.bundle", *command[3:])
        log.write_text(done.stdout + done.stderr)
        return done.returncode

    monkeypatch.setattr(training, "run_logged", run)
    return commands


@pytest.fixture
def datalist(phantom, tmp_path):
    """A datalist with four cases of three patients for folds, and one for the test."""
    found = json.loads((phantom(3) / "datalist.json").read_text())
    cases = [
        case | {key: str(phantom(3) / case[key]) for key in ("image", "label_map")}
        for case in [*found["training"], *found["validation"]][:5]
    ]
    patients = ["p", "p", "q", "r", "s"]
    cases = [case | {"patient_id": patient} for case, patient in zip(cases, patients)]
    path = tmp_path / "list" / "datalist.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"training": cases[:2], "validation": cases[2:4], "test": cases[4:]}))
    return path


def test_folds_are_trained_collected_and_used_together(medtk, started, datalist, tmp_path):
    out = tmp_path / "cv"
    common = (datalist, "--folds", 2, "--out", out, "--bundle", BUNDLE, "--bootstraps", 10, "--hit", "distance:15", *VALUES)
    assert "folds left: 0" in medtk("crossval", *common, "--fold", 1)
    said = medtk("crossval", *common, "--predict_test")
    assert len(started) == 2 and "fold 1: finished before" in said and "test split, by the ensemble" in said

    found = read_predictions(out / "predictions.json")
    runs = [json.loads((out / f"fold_{fold}" / "run.json").read_text()) for fold in (0, 1)]
    oof = json.loads((out / "oof.json").read_text())["oof"]
    pool = [case for split in ("training", "validation") for case in json.loads(datalist.read_text())[split]]
    assert sorted(case["image"] for case in found) == sorted(case["image"] for case in pool) == sorted(case["image"] for case in oof)
    assert [run["data"]["validation"]["num_cases"] for run in runs] == [sum(case["fold"] == fold for case in oof) for fold in (0, 1)]
    assert {case["patient_id"] for case in oof if case["fold"] == 0}.isdisjoint(case["patient_id"] for case in oof if case["fold"] == 1)

    medtk("evaluate", out / "predictions.json", out / "oof.json", "--out", tmp_path / "again", "--hit", "distance:15", "--bootstraps", 10)
    again, metrics = (json.loads((folder / "metrics.json").read_text()) for folder in (tmp_path / "again", out))
    assert again == metrics and metrics["num_detections"] > 0
    best = json.loads((out / "sweep.json").read_text())["best"]
    assert metrics["froc"]["mean"] == pytest.approx(best["froc_mean"]) and metrics["num_cases"] == 4

    words = shlex.split(json.loads((out / "ensemble.json").read_text())["predict"])
    place = words.index("SCANS")
    medtk(*words[1:place], datalist, *words[place + 1 :], "--device", "cpu", "--out", tmp_path / "new", "--formats", "json")
    assert read_predictions(tmp_path / "new" / "predictions.json") == read_predictions(out / "test" / "predictions.json")
    assert "1 FP per case, from out of fold" in json.loads((out / "test" / "metrics.json").read_text())["operating_points"]

    (out / "fold_0" / "finished.json").unlink()
    assert "without fold 0: not finished" in medtk("crossval", *common, "--collect") and len(started) == 2
    assert {case["case_id"] for case in read_predictions(out / "predictions.json")} == {case["case_id"] for case in oof if case["fold"]}
    assert json.loads((out / "ensemble.json").read_text())["missing_folds"] == [0]


def test_a_test_split_that_is_not_there_is_told_before_training(medtk, started, datalist, tmp_path):
    datalist.write_text(json.dumps(json.loads(datalist.read_text()) | {"test": []}))
    with pytest.raises(SystemExit, match="no cases in split 'test'"):
        medtk("crossval", datalist, "--folds", 2, "--out", tmp_path / "cv", "--bundle", BUNDLE, "--predict_test")
    assert not started


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--folds", "1"], "--folds is 1"),
        (["--folds", "4"], "3 patients cannot be dealt to 4 folds"),
        (["--folds", "2", "--fold", "2"], "--fold is 2"),
        (["--folds", "2", "--fold", "0", "--collect"], "leave out --collect"),
        (["--folds", "2", "--collect"], "no fold in .* is finished"),
        (["--folds", "2", "--figure", "f1"], "'f1' is no figure"),
        (["--folds", "2", "--checkpoint", "final.pt"], "--fold_checkpoint is final.pt -- choose from best.pt, last.pt"),
        (["--folds", "2", "--resume", "none"], "--resume is set by the cross-validation"),
        (["--folds", "2", "--max_epoch", "3"], "did you mean --max_epochs"),
        (["--folds", "2", "--iou", "a"], "--iou"),
    ],
)
def test_wrong_arguments(medtk, started, datalist, tmp_path, arguments, words):
    with pytest.raises(SystemExit, match=f"^error: .*{words}"):
        medtk("crossval", datalist, "--out", tmp_path / "cv", "--bundle", BUNDLE, *arguments)
    assert not started and not Path(tmp_path / "cv").exists()
