"""What a folder of predictions notes of a model, so that another one is noticed."""

import json

import pytest

from medtk_monai.errors import DataError
from medtk_monai.evaluation.evaluate import operating_points_beside, read_operating_points
from medtk_monai.model import Model, ModelSource
from medtk_monai.prediction import Scan
from medtk_monai.prediction.files import Kept, predict_files


@pytest.fixture
def weights(monkeypatch):
    """Stand for what identifies a model, which is never loaded as there is nothing to do."""
    found = ["1"]
    monkeypatch.setattr(ModelSource, "identity", lambda self: {"weights": list(found)})
    monkeypatch.setattr(ModelSource, "models", lambda self: [Model("m", "m", {}, (), operating_points=POINTS)])
    return found


POINTS = {"1 FP per case": {"threshold": 0.25}}


def settings_of(folder, source, **kept):
    predict_files(source, [], folder, Kept(**kept))
    return json.loads((folder / "settings.json").read_text())


def test_what_changes_the_result_is_noted(weights, tmp_path):
    found = settings_of(tmp_path / "a", ModelSource(["m"]), min_score=0.5, max_findings=3)
    assert set(found) >= {"detector", "score_threshold", "top_k", "views", "formats", "class_names"}
    assert found["detector"] == {"weights": ["1"]} and (found["score_threshold"], found["top_k"]) == (0.5, 3)


def test_another_model_needs_another_folder(weights, tmp_path):
    scans = [Scan("a", str(tmp_path / "a.nii.gz"))]
    (tmp_path / "out" / "a").mkdir(parents=True)
    settings_of(tmp_path / "out", ModelSource(["m"]))
    (tmp_path / "out" / "a" / "predictions.json").write_text("{}")
    weights[0] = "2"
    with pytest.raises(DataError, match="other settings: detector"):
        predict_files(ModelSource(["m"]), scans, tmp_path / "out")


def test_the_thresholds_of_a_model_lie_beside_its_findings(weights, tmp_path):
    settings_of(tmp_path / "a", ModelSource(["m"]))
    path, name = operating_points_beside(tmp_path / "a" / "predictions.json")
    assert name == "m" and {key: point.threshold for key, point in read_operating_points(path, name).items()} == {
        "1 FP per case, from m": 0.25
    }
    settings_of(tmp_path / "b", ModelSource(["m"], overrides={"margin": 8}))  # its thresholds are not known to hold with other values
    assert operating_points_beside(tmp_path / "b") is None
