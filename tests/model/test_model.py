"""A model is found in all its forms, and is refused where it is not what it says."""

import json
import shutil

import pytest
import torch

import medtk_monai
from medtk_monai.errors import DataError
from medtk_monai.model import ModelSource, find_model, make_model, read_model, write_tuning
from medtk_monai.prediction import Predictor, load_predictor
from tests.bundles.running import BUNDLE
from tests.model.changes import edit, zipped


def test_findings_are_the_same_by_every_way(run_folder, model, scan, tmp_path):
    flat, nested = zipped(model, tmp_path / "flat.zip"), zipped(model, tmp_path / "nested.zip", "somewhere/")
    ways = [
        Predictor.from_bundle(BUNDLE, run_folder / "best.pt", device="cpu"),
        load_predictor(run_folder, device="cpu"),
        load_predictor(model, device="cpu"),
        load_predictor(model.parent, device="cpu"),
        load_predictor(flat, device="cpu"),
        load_predictor(nested, device="cpu"),
        load_predictor(run_folder / "best.pt", device="cpu"),
        medtk_monai.load(run_folder, device="cpu"),
        Predictor(ModelSource([str(model)], device="cpu").load()),
    ]
    expected, *others = [way(scan).case for way in ways]
    assert len(expected["boxes"]) > 0
    for other in others:
        assert other == expected


def test_a_model_tells_what_it_is(run_folder):
    found = read_model(run_folder)
    assert found.recipe["spatial_dims"] == 3 and found.fingerprint["num_cases"] == 6
    assert found.origin["key_metric"] and found.origin["epoch"] == 1 and found.origin["data"]["training"]["num_cases"] == 6
    card = (run_folder / "model" / "README.md").read_text()
    assert "6 cases" in card and "0.4" in card and "medtk predict" in card
    assert "$" not in json.dumps(found.recipe)


def test_several_models_are_an_ensemble_if_they_look_alike(model, scan, tmp_path):
    both = load_predictor(model, model, device="cpu")
    assert len(both.parts.networks) == 2 and len(both(scan).case["boxes"]) > 0
    other = shutil.copytree(model, tmp_path / "other")
    edit(other, lambda content: content["recipe"]["preprocessing"]["transforms"].pop(1))
    with pytest.raises(DataError, match="in different ways"):
        load_predictor(model, other, device="cpu")
    named = shutil.copytree(model, tmp_path / "named")
    edit(named, lambda content: content["recipe"].update(class_names=["vessel"]))
    with pytest.raises(DataError, match="in different ways"):
        load_predictor(model, named, device="cpu")
    tuned = shutil.copytree(model, tmp_path / "tuned")
    write_tuning(tuned, {"dense_postprocessor::max_detections": 1}, {})
    assert load_predictor(model, tuned, device="cpu")(scan).case == load_predictor(tuned, model, device="cpu")(scan).case


def test_values_may_be_chosen_anew_but_not_what_is_settled(model, scan):
    assert load_predictor(model, device="cpu", margin=8).parts.inferer.margin == 8
    one = load_predictor(model, device="cpu", **{"dense_postprocessor::max_detections": 1})
    assert len(one(scan).case["boxes"]) == 1
    with pytest.raises(DataError, match="did you mean --margin"):
        load_predictor(model, device="cpu", margins=8)
    with pytest.raises(DataError, match="--padding_mode is settled"):
        load_predictor(model, device="cpu", padding_mode="zeros")
    for settled in ({"channels": 16}, {"backbone::strides": [2, 2, 1]}, {"network_def::reflect": False}, {"head": "anchor"}):
        with pytest.raises(DataError, match="is settled"):
            load_predictor(model, device="cpu", **settled)
    for odd in ({"margin": "abc"}, {"window_size": "abc"}, {"window_batch_size": 0}, {"window_batch_size": "x"}):
        with pytest.raises(DataError):
            load_predictor(model, device="cpu", **odd)
    with pytest.raises(DataError, match="no such device"):
        load_predictor(model, device="tpu")


def test_a_wrong_bundle_is_refused(run_folder, tmp_path):
    changed = json.loads((BUNDLE / "train.json").read_text())
    changed["preprocessing"]["transforms"][1] = {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": -1000, "a_max": 1000}
    (tmp_path / "train.json").write_text(json.dumps(changed))
    with pytest.raises(DataError, match="was not trained with bundle .*preprocessing") as error:
        Predictor.from_bundle(tmp_path, run_folder / "best.pt", device="cpu")
    assert len(str(error.value).splitlines()) == 1


def test_what_is_no_model_is_told(tmp_path):
    with pytest.raises(DataError, match="there is no model in"):
        read_model(tmp_path)
    assert find_model(tmp_path) is None
    with pytest.raises(DataError, match="there is no .*absent"):
        read_model(tmp_path / "absent")
    with pytest.raises(DataError, match="no model is given"):
        ModelSource()


def test_models_are_made_of_models(run_folder, model, scan, tmp_path):
    expected = load_predictor(run_folder, device="cpu")(scan).case
    make_model(ModelSource([str(run_folder)]), tmp_path / "one.zip")
    assert load_predictor(tmp_path / "one.zip", device="cpu")(scan).case == expected
    make_model(ModelSource([str(run_folder), str(model)]), tmp_path / "both", "pair")
    both = load_predictor(tmp_path / "both", device="cpu")
    assert both(scan).case == load_predictor(run_folder, model, device="cpu")(scan).case
    assert read_model(tmp_path / "both").name == "pair" and len(both.parts.networks) == 2
    with pytest.raises(DataError, match="exists"):
        make_model(ModelSource([str(run_folder)]), tmp_path / "both")


def test_a_checkpoint_of_an_earlier_version_becomes_a_model(run_folder, scan, tmp_path, caplog):
    content = torch.load(run_folder / "best.pt", weights_only=True)
    del content["notes"]["model"]
    torch.save(content, tmp_path / "old.pt")
    with pytest.raises(DataError, match="medtk model .*old.pt --bundle BUNDLE --out MODEL"):
        load_predictor(tmp_path / "old.pt")
    old = ModelSource(bundle=str(BUNDLE), checkpoint=[str(tmp_path / "old.pt")], device="cpu")
    found = Predictor(old.load())(scan).case
    assert "is of an earlier version" in caplog.text
    make_model(old, tmp_path / "new")
    expected = load_predictor(run_folder, device="cpu")(scan).case
    assert found == expected and load_predictor(tmp_path / "new", device="cpu")(scan).case == expected


def test_what_a_sweep_has_chosen_goes_with_the_model(run_folder, model, scan, tmp_path):
    chosen = {"suppressor": {"_target_": "medtk_monai.suppressors.NMS", "iou": 0.5}, "dense_postprocessor::max_detections": 2}
    for path in (model, zipped(model, tmp_path / "m.zip", "m/")):
        write_tuning(path, chosen, {"1 FP per case": {"threshold": 0.25}})
        tuned = load_predictor(path, device="cpu")
        assert tuned.parts.inferer.postprocessor.suppressor.iou == 0.5 and len(tuned(scan).case["boxes"]) == 2
        assert read_model(path).operating_points["1 FP per case"]["threshold"] == 0.25
        assert load_predictor(path, device="cpu", **{"suppressor::iou": 0.2}).parts.inferer.postprocessor.suppressor.iou == 0.2
    assert "scores from 0.25" in (model / "README.md").read_text()
