"""``medtk predict`` with the bundle, as its users type it."""

import json
import shutil
import sys

import numpy as np
import pytest

from medtk_monai.cli.main import main
from medtk_monai.formats import read_predictions
from medtk_monai.prediction import Predictor
from tests.bundles.running import BUNDLE, SMALL

pytestmark = pytest.mark.usefixtures("quiet_hooks")


def predict(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["medtk", "predict", *map(str, arguments)])
    main()


def test_findings_are_those_of_the_evaluation(trained, phantom, tmp_path, monkeypatch, capsys):
    """Neither the head nor the sizes of the network are named: they come from the checkpoint."""
    predict(
        monkeypatch, phantom(3) / "datalist.json", "--bundle", BUNDLE, "--checkpoint", trained / "best.pt", "--out", tmp_path / "out",
        "--formats", "json", "--device", "cpu",
    )  # fmt: skip
    assert "2 done, 0 done before, 0 failed" in capsys.readouterr().out
    expected, found = (read_predictions(folder / "predictions.json") for folder in (trained, tmp_path / "out"))
    assert [case["case_id"] for case in found] == [case["case_id"] for case in expected]
    for one, other in zip(expected, found):
        assert len(one["boxes"]) > 0 and one["prior_ids"] == other["prior_ids"]
        np.testing.assert_allclose(one["boxes"], other["boxes"], atol=1e-3)
        np.testing.assert_allclose(one["scores"], other["scores"], atol=1e-6)


def test_a_training_tells_what_prediction_needs(trained, phantom):
    predictor = Predictor.from_bundle(BUNDLE, trained / "best.pt", device="cpu")
    parts = predictor.parts
    assert parts.fingerprint["num_cases"] == 6 and parts.class_names == ("aneurysm",)
    assert type(parts.networks[0].head).__name__ == "AnchorHead" and parts.inferer.window_size == SMALL["window_size"]
    scan = next((phantom(3) / "images").glob("*.nii.gz"))
    assert predictor(scan).warnings == []
    changed = Predictor.from_bundle(
        BUNDLE, [trained / "best.pt", trained / "last.pt"], device="cpu", window_size=64, margin=8, class_names=["bulge"]
    )
    assert changed.parts.inferer.window_size == 64 and len(changed.parts.networks) == 2 and changed.parts.class_names == ("bulge",)
    assert len(changed(scan).case["boxes"]) == len(changed(scan).case["scores"])


def test_views_budget_and_limits(trained, phantom, tmp_path, monkeypatch, capsys):
    scan = next((phantom(3) / "images").glob("*.nii.gz"))
    common = (scan, "--bundle", BUNDLE, "--checkpoint", trained / "best.pt", "--formats", "csv", "--device", "cpu")
    predict(monkeypatch, *common, "--out", tmp_path / "tta", "--tta", "2", "--tta_scales", "1,1.25", "--max_findings", "3")
    assert len(read_predictions(tmp_path / "tta" / "predictions.json")[0]["scores"]) == 3
    predict(monkeypatch, *common, "--out", tmp_path / "budget", "--budget", "1000", "--min_score", "0.99")
    assert read_predictions(tmp_path / "budget" / "predictions.json")[0]["scores"] == []
    assert "calibrate" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "nothing to predict"),
        (["absent.nii"], "no file, folder or pattern absent.nii"),
        (["SCAN", "--checkpoint", "absent.pt"], "no file or folder absent.pt -- give the checkpoint of a training"),
        (["SCAN", "--bundle", "absent"], "no file or folder absent -- give the folder of a bundle, or its train.json"),
        (["SCAN", "--formats", "pdf"], "'pdf' is not known"),
        (["SCAN", "--windowsize", "64"], "did you mean --window_size"),
        (["SCAN", "--device", "cuda:7"], "no GPU that torch can use"),
        (["SCAN", "--device", "gpu"], "--device gpu: no such device"),
        (["SCAN", "--tta", "0"], "--tta is 0 -- give a number from 1"),
        (["SCAN", "--budget", "-3"], "--budget is -3 -- give a number above 0"),
        (["SCAN", "--budget", "long"], "--budget is long -- give a number"),
        (["SCAN", "--tta", "many"], "--tta is many -- give a whole number"),
        (["SCAN", "--max_findings", "-1"], "--max_findings is -1 -- give a number from 0"),
        (["SCAN", "--top_k", "-1"], "--max_findings is -1 -- give a number from 0"),
        (["SCAN", "--overlay", "3"], "no file 3"),
        (["SCAN", "--channels", "16"], "is of another network"),
    ],
)
def test_wrong_arguments_take_one_line(trained, phantom, tmp_path, monkeypatch, arguments, words):
    if "cuda" in words and __import__("torch").cuda.is_available():
        pytest.skip("there is a GPU")
    scan = next((phantom(3) / "images").glob("*.nii.gz"))
    given = {"--bundle": BUNDLE, "--checkpoint": trained / "best.pt", "--out": tmp_path / "out"}
    rest = [str(scan) if word == "SCAN" else word for word in arguments]
    rest += [str(part) for pair in given.items() if pair[0] not in rest for part in pair]
    with pytest.raises(SystemExit) as stop:
        predict(monkeypatch, *rest)
    assert words in str(stop.value) and "\n" not in str(stop.value)


def test_a_mistyped_checkpoint_is_shown(phantom, tmp_path, monkeypatch, capsys):
    scan = next((phantom(3) / "images").glob("*.nii.gz"))
    with pytest.raises(SystemExit):
        predict(monkeypatch, scan, "--chekpoint", "best.pt", "--out", tmp_path / "out")
    assert "did you mean --checkpoint?" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_failed_scans_are_listed(trained, phantom, tmp_path, monkeypatch):
    (tmp_path / "torn.nii.gz").write_bytes(b"\x1f\x8b")
    scan = next((phantom(3) / "images").glob("*.nii.gz"))
    with pytest.raises(SystemExit) as stop:
        predict(
            monkeypatch, tmp_path / "torn.nii.gz", scan, "--bundle", BUNDLE, "--checkpoint", trained / "best.pt", "--out", tmp_path / "out",
            "--device", "cpu", "--formats", "json",
        )  # fmt: skip
    assert str(stop.value).startswith("failed:\n  case 'torn': cannot read image")
    assert (tmp_path / "out" / scan.name.removesuffix(".nii.gz") / "predictions.json").exists()


class Hostile:
    """What a pickle of it would do."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_hostile_checkpoint_is_refused(phantom, tmp_path, monkeypatch):
    import torch

    torch.save({"network": Hostile(str(tmp_path / "touched"))}, tmp_path / "evil.pt")
    scan = next((phantom(3) / "images").glob("*.nii.gz"))
    with pytest.raises(SystemExit, match=r"evil\.pt is broken"):
        predict(monkeypatch, scan, "--bundle", BUNDLE, "--checkpoint", tmp_path / "evil.pt", "--out", tmp_path / "out")
    assert not (tmp_path / "touched").exists()


def test_values_of_a_checkpoint_run_nothing(trained, tmp_path, monkeypatch):
    """A checkpoint may say that the window is 64, but not what Python shall do."""
    import torch

    content = torch.load(trained / "best.pt", weights_only=True)
    del content["notes"]["model"]  # as of an earlier version, whose values alone are known
    touched = tmp_path / "touched"
    evil = {"_target_": "builtins.open", "file": str(touched), "mode": "w"}
    content["notes"]["values"] |= {"window_size": evil, "norm": ["batch", evil], "margin": f"$open('{touched}', 'w')", "precision": "%x"}
    torch.save(content, tmp_path / "evil.pt")
    parts = Predictor.from_bundle(BUNDLE, tmp_path / "evil.pt", device="cpu").parts
    assert parts.inferer.window_size == json.loads((BUNDLE / "train.json").read_text())["window_size"] and not touched.exists()


@pytest.mark.slow
def test_an_exported_network_finds_the_same(trained, phantom, tmp_path, monkeypatch):
    scan = next((phantom(3) / "images").glob("*.nii.gz"))
    export = ("export", "--checkpoint", trained / "best.pt", "--out", tmp_path / "exported", "--bundle", BUNDLE, "--formats", "onnx")
    monkeypatch.setattr(sys, "argv", ["medtk", *map(str, export)])
    main()
    common = ("--bundle", BUNDLE, "--device", "cpu", "--precision", "float32", "--formats", "json")
    for name, checkpoint in (("torch", trained / "best.pt"), ("onnx", tmp_path / "exported")):
        predict(monkeypatch, scan, "--checkpoint", checkpoint, "--out", tmp_path / name, *common)
    one, other = (read_predictions(tmp_path / name / "predictions.json")[0] for name in ("torch", "onnx"))
    np.testing.assert_allclose(sorted(one["scores"]), sorted(other["scores"]), atol=1e-4)
    # Scores that differ by rounding alone may change places, and the last of them may be left out.
    boxes = dict(zip(other["prior_ids"], other["boxes"]))
    shared = [(box, boxes[prior]) for prior, box in zip(one["prior_ids"], one["boxes"]) if prior in boxes]
    assert len(shared) >= 0.9 * len(one["boxes"]) > 0
    np.testing.assert_allclose(*zip(*shared), atol=1e-3)


def test_a_checkpoint_cannot_name_a_component(trained, tmp_path):
    import torch

    content = torch.load(trained / "best.pt", weights_only=True)
    content["notes"]["values"] |= {"network_dtype::_target_": "os.system", "network_dtype#_target_": "os.system"}
    torch.save(content, tmp_path / "evil.pt")
    parts = Predictor.from_bundle(BUNDLE, tmp_path / "evil.pt", device="cpu", precision="float32").parts
    assert parts.precision == torch.float32


def test_names_that_look_like_numbers(trained, phantom, tmp_path, monkeypatch):
    scan = next((phantom(3) / "images").glob("*.nii.gz"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "1e3.nii.gz").symlink_to(scan)
    (tmp_path / "1e3").symlink_to(trained)
    predict(
        monkeypatch, "1e3.nii.gz", "--bundle", BUNDLE, "--checkpoint", "1e3/best.pt", "--out=1.10", "--device", "cpu", "--formats", "json"
    )
    assert (tmp_path / "1.10" / "1e3" / "predictions.json").exists()


def test_an_edited_bundle_is_noticed(trained, phantom, tmp_path, monkeypatch, capsys):
    scan = next((phantom(3) / "images").glob("*.nii.gz"))
    shutil.copytree(BUNDLE, tmp_path / "bundle")
    common = (
        "--bundle",
        tmp_path / "bundle",
        "--checkpoint",
        trained / "best.pt",
        "--out",
        tmp_path / "out",
        "--device",
        "cpu",
        "--formats",
        "json",
    )
    predict(monkeypatch, scan, *common)
    path = tmp_path / "bundle" / "train.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"max_epochs": 7}))  # no value that prediction makes use of, and another layout
    predict(monkeypatch, scan, *common)
    assert "0 done, 1 done before" in capsys.readouterr().out
    config["preprocessing"]["transforms"].pop(1)
    path.write_text(json.dumps(config))
    with pytest.raises(SystemExit, match="other settings: detector"):
        predict(monkeypatch, scan, *common)
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(SystemExit, match="was not trained with bundle .*: preprocessing::transforms differ"):
        predict(monkeypatch, scan, *common)


def test_weights_are_read_once(trained, monkeypatch):
    import torch

    load, read = torch.load, []
    monkeypatch.setattr(torch, "load", lambda path, **given: read.append(given["mmap"]) or load(path, **given))
    Predictor.from_bundle(BUNDLE, trained / "best.pt", device="cpu")
    assert read.count(False) == 1  # the rest looks at notes alone
