"""Every command that needs a detector takes the model of a training; nothing else is named."""

import json
import shutil

import pytest

from medtk_monai.formats import read_predictions
from medtk_monai.model import read_model
from tests.bundles.running import SMALL

pytestmark = pytest.mark.usefixtures("quiet_hooks")


@pytest.fixture
def mine(trained, tmp_path):
    """A copy of a training's folder, as some commands write to it."""
    return shutil.copytree(trained, tmp_path / "mine", ignore=shutil.ignore_patterns("cache", "tensorboard", "phantom"))


@pytest.fixture
def scan(phantom):
    return next((phantom(3) / "images").glob("*.nii.gz"))


def findings(folder):
    return [(case["boxes"], case["scores"], case["prior_ids"]) for case in read_predictions(folder / "predictions.json")]


def test_predict_takes_a_model_among_the_scans(medtk, mine, scan, tmp_path):
    common = ("--formats", "medtk", "--device", "cpu")
    medtk("model", mine, "--out", tmp_path / "mine.zip")
    medtk("predict", scan, mine, "--out", tmp_path / "a", *common)
    for name, words in (
        ("b", ("--model", mine)), ("c", ("--model", mine / "model")), ("d", (tmp_path / "mine.zip",)), ("e", ("--checkpoint", mine / "best.pt")),
    ):  # fmt: skip
        medtk("predict", scan, *words, "--out", tmp_path / name, *common)
        assert findings(tmp_path / name) == findings(tmp_path / "a")
    with pytest.raises(SystemExit, match="other settings: detector"):
        medtk("predict", scan, mine, "--margin", 8, "--out", tmp_path / "a", *common)


def test_what_a_sweep_has_chosen_is_followed(medtk, mine, phantom, tmp_path):
    datalist = phantom(3) / "datalist.json"
    told = medtk(
        "sweep", datalist, tmp_path / "sweep", "--model", mine, "--suppressors", "nms", "--iou", "0.3", "--score_threshold", "0.003",
        "--bootstraps", 20, "--device", "cpu", "--hit", "distance:60", "--figure", "ap",
    )  # fmt: skip
    assert f"model {mine} follows the chosen setting" in told
    model, chosen = read_model(mine), json.loads((tmp_path / "sweep" / "tuned.json").read_text())
    assert model.tuned == chosen and list(model.operating_points) == ["1 FP per case"]
    medtk("predict", datalist, mine, "--out", tmp_path / "by_model", "--device", "cpu", "--formats", "medtk")
    by_hand = ("--tuned", tmp_path / "sweep" / "tuned.json", "--bundle", "bundles/aneurysm", "--checkpoint", mine / "best.pt")
    medtk("predict", datalist, *by_hand, "--out", tmp_path / "by_hand", "--device", "cpu", "--formats", "medtk")
    assert findings(tmp_path / "by_model") == findings(tmp_path / "by_hand") and len(findings(tmp_path / "by_model")[0][0]) > 0
    found = tmp_path / "by_model" / "predictions.json"
    told = medtk("evaluate", found, datalist, "--out", tmp_path / "e", "--bootstraps", 10)
    points = json.loads((tmp_path / "e" / "metrics.json").read_text())["operating_points"]
    assert points[f"1 FP per case, from {model.name}"]["threshold"] == model.operating_points["1 FP per case"]["threshold"]
    medtk("report", found, datalist, "--model", mine, "--out", tmp_path / "report.html", "--bootstraps", 10)
    assert f"1 FP per case, from {model.name}" in (tmp_path / "report.html").read_text()
    told = medtk("analyze", found, datalist, tmp_path / "errors", "--model", mine, "--bootstraps", 10)
    assert "files in" in told and "level" in (tmp_path / "errors" / "lesions.csv").read_text().splitlines()[0]


def test_audit_takes_a_model_and_a_datalist(medtk, mine, phantom, tmp_path):
    medtk("audit", "--model", mine, "--dataset_dir", phantom(3), "--out", tmp_path / "a.json")
    medtk("audit", "bundles/aneurysm/train.json", "--head", "anchor", "--dataset_dir", phantom(3), "--patch_size", SMALL["patch_size"],
          "--cache_workers", 0, "--output_dir", tmp_path, "--out", tmp_path / "b.json")  # fmt: skip
    assert json.loads((tmp_path / "a.json").read_text()) == json.loads((tmp_path / "b.json").read_text())
    with pytest.raises(SystemExit, match="does not hold its data"):
        medtk("audit", "--model", mine)


@pytest.mark.slow
def test_export_takes_a_model_and_what_it_writes_is_one(medtk, mine, scan, tmp_path):
    pytest.importorskip("onnxruntime")
    medtk("export", "--model", mine, "--out", tmp_path / "exported", "--formats", "onnx")
    for name, words in (("torch", mine), ("onnx", tmp_path / "exported")):
        medtk("predict", scan, words, "--out", tmp_path / name, "--device", "cpu", "--precision", "float32", "--formats", "medtk")
    one, other = (sorted(read_predictions(tmp_path / name / "predictions.json")[0]["scores"]) for name in ("torch", "onnx"))
    assert one == pytest.approx(other, abs=1e-4) and len(one) > 0


def test_models_are_joined(medtk, mine, scan, tmp_path):
    assert "of 2 networks" in medtk("model", mine, mine / "model", "--out", tmp_path / "pair", "--name", "pair")
    medtk("predict", scan, tmp_path / "pair", "--out", tmp_path / "out", "--device", "cpu", "--formats", "medtk")
    assert read_model(tmp_path / "pair").name == "pair"
    with pytest.raises(SystemExit, match="exists"):
        medtk("model", mine, "--out", tmp_path / "pair")


def test_a_cross_validation_repeats_the_training_of_a_model(medtk, mine, phantom, tmp_path):
    medtk(
        "crossval", phantom(3) / "datalist.json", tmp_path / "cv", "--model", mine, "--folds", 2, "--device", "cpu", "--max_epochs", 1,
        "--suppressors", "nms", "--iou", "0.2", "--score_threshold", "0.02", "--bootstraps", 10, "--cache_workers", 0,
    )  # fmt: skip
    found, trained = read_model(tmp_path / "cv"), read_model(mine)
    assert len(found.networks) == 2 and found.tuned and found.operating_points
    assert found.recipe["backbone"] == trained.recipe["backbone"] and found.recipe["head"] == trained.recipe["head"]
    scan = next((phantom(3) / "images").glob("*.nii.gz"))
    medtk("predict", scan, tmp_path / "cv", "--out", tmp_path / "out", "--device", "cpu", "--formats", "medtk")


@pytest.mark.parametrize("arguments, told", [
    (("predict", "SCAN", "--model", "MINE", "--bundle", "bundles/aneurysm"), "give one of them"),
    (("predict", "SCAN"), "no model is given"),
    (("predict", "SCAN", "--model", "EMPTY"), "there is no model in"),
    (("predict", "SCAN", "--model", "MINE", "--padding_mode", "zeros"), "is settled"),
    (("predict", "SCAN", "--model", "MINE", "--margins", "3"), "did you mean --margin"),
    (("export", "--model", "EMPTY", "--out", "x"), "there is no model in"),
    (("crossval", "LIST", "x", "--model", "ZIP"), "does not tell how it was trained"),
])  # fmt: skip
def test_wrong_models_take_one_line(medtk, mine, scan, phantom, tmp_path, arguments, told):
    (tmp_path / "empty").mkdir()
    words = {"SCAN": scan, "MINE": mine, "EMPTY": tmp_path / "empty", "LIST": phantom(3) / "datalist.json", "ZIP": tmp_path / "m.zip"}
    if "ZIP" in arguments:
        medtk("model", mine, "--out", tmp_path / "m.zip")
    given = [words.get(word, word) for word in arguments]
    with pytest.raises(SystemExit, match=told) as error:
        medtk(*given, *(["--out", tmp_path / "out"] if arguments[0] == "predict" else []))
    assert len(str(error.value).strip().splitlines()) == 1
