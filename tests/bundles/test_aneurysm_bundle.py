"""The bundle as its users run it, on very little data."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "bundles" / "aneurysm"
TRAIN, EVALUATE = str(BUNDLE / "train.json"), str(BUNDLE / "evaluate.json")
SMALL = {
    "device": "cpu", "max_epochs": 1, "val_interval": 1, "samples_per_case": 1, "patch_size": 32, "window_size": 96, "margin": 16,
    "backbone::channels": [4, 4, 8, 8], "channels": 8,
}  # fmt: skip


@pytest.fixture(autouse=True)
def quiet_hooks(monkeypatch):
    """The bundle sets the process's excepthook and logging, which other tests must not inherit."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    yield
    logging.getLogger("medtk_monai").handlers.clear()
    logging.getLogger("medtk_monai").propagate = True


def workflow(config, kind, folder, out, **overrides):
    values = {**SMALL, "dataset_dir": str(folder), "output_dir": str(out), **overrides}
    return ConfigWorkflow(config, workflow_type=kind, logging_file=False, **values)


def run(config, run_id, folder, out, **overrides):
    flow = workflow(config, "train", folder, out, run_id=run_id, **overrides)
    flow.initialize()
    flow.run()
    return flow


def test_every_property_of_a_training_bundle_is_there(phantom, tmp_path):
    flow = workflow(TRAIN, "train", phantom(3), tmp_path)
    flow.initialize()
    assert flow.check_properties() == []


@pytest.mark.parametrize("head", ["anchor", "point"])
@pytest.mark.parametrize("dims", [2, 3])
def test_trains_and_evaluates(phantom, tmp_path, dims, head):
    run(TRAIN, "training", phantom(dims), tmp_path, spatial_dims=dims, head=head)
    assert {"best.pt", "last.pt", "tensorboard"} <= {p.name for p in tmp_path.iterdir()}
    run([TRAIN, EVALUATE], "evaluating", phantom(dims), tmp_path, spatial_dims=dims, head=head)
    predictions = json.loads((tmp_path / "predictions.json").read_text())["cases"]
    test_cases = json.loads((phantom(dims) / "datalist.json").read_text())["test"]
    assert [case["case_id"] for case in predictions] == [case["case_id"] for case in test_cases]
    assert all(case["space"] == "RAS" and len(case["direction"]) == dims for case in predictions)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["num_cases"] == len(test_cases) and metrics["hit"] == "iou>=0.1"
    assert metrics["froc"]["fp_per_case"] == [0.125, 0.25, 0.5, 1, 2, 4, 8]
    for name in ("froc.csv", "froc.png", "preview.png"):
        assert (tmp_path / name).stat().st_size > 0


def test_two_runs_with_one_seed_are_the_same(phantom, tmp_path):
    weights = []
    for name in ("first", "second"):
        run(TRAIN, "training", phantom(3), tmp_path / name)
        weights.append(torch.load(tmp_path / name / "last.pt", weights_only=True)["network"])
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_group_norm_by_one_override(phantom, tmp_path):
    flow = workflow(TRAIN, "train", phantom(3), tmp_path, norm=["group", {"num_groups": 4}])
    flow.initialize()
    network = flow.parser.get_parsed_content("network")
    kinds = {type(module).__name__ for module in network.modules()}
    assert "GroupNorm" in kinds and not any("BatchNorm" in kind for kind in kinds)


def test_evaluation_overrides_only_keys_that_training_has():
    train, evaluate = ConfigParser.load_config_file(TRAIN), ConfigParser.load_config_file(EVALUATE)
    parser = ConfigParser(train)
    new = {key for key in evaluate if "::" not in key and key not in train}
    assert new == {"checkpoint", "evaluating"}
    assert all(parser.get(key) is not None for key in evaluate if "::" in key)


def command(run_id, *arguments, cwd=ROOT):
    config = TRAIN if run_id != "evaluating" else f"['{TRAIN}','{EVALUATE}']"
    words = [sys.executable, "-m", "monai.bundle", "run", run_id, "--config_file", config, *map(str, arguments)]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True)


def test_runs_from_elsewhere_without_complaints(phantom, tmp_path):
    small = [word for key, value in SMALL.items() for word in (f"--{key}", str(value))]
    done = command("run", *small, "--dataset_dir", phantom(3), "--output_dir", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stdout + done.stderr and "WARNING" not in done.stdout + done.stderr
    assert "epoch 1/1 | loss" in done.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


@pytest.mark.parametrize(
    "item, message",
    [
        ({"image": "missing.nii.gz"}, "missing.nii.gz"),
        ({"image": "broken.nii.gz"}, "broken"),
        ({"image": "IMAGE", "space": "RAS", "boxes": [[0, 0, 0, 1, 1, 0]], "labels": [0]}, "size"),
    ],
    ids=["missing", "unreadable", "zero-size"],
)
def test_bad_data_ends_with_one_line(phantom, tmp_path, item, message):
    good = json.loads((phantom(3) / "datalist.json").read_text())
    for case in good["training"]:
        case.update(image=str(phantom(3) / case["image"]), label_map=str(phantom(3) / case["label_map"]))
    item = {**item, "case_id": "the-bad-one"}
    item["image"] = item["image"].replace("IMAGE", good["training"][0]["image"])
    (tmp_path / "broken.nii.gz").write_bytes(b"not an image")
    (tmp_path / "datalist.json").write_text(json.dumps({"training": [*good["training"], item], "validation": good["training"][:1]}))
    done = command("training", "--dataset_dir", tmp_path, "--output_dir", tmp_path / "out")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "the-bad-one" in line and message in line and " -- " in line
