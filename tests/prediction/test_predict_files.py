"""What a folder of predictions notes of a model, so that another one is noticed."""

import json

import pytest

from medtk_monai.errors import DataError
from medtk_monai.model import ModelSource
from medtk_monai.prediction import Scan
from medtk_monai.prediction.files import Kept, predict_files


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A folder that stands for a model, which is never loaded as there is nothing to do."""
    monkeypatch.setattr(ModelSource, "sha256", lambda self: "of its values")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.safetensors").write_bytes(b"1")
    (tmp_path / "model" / "events.tfevents").write_bytes(b"1")
    return tmp_path / "model"


def settings_of(folder, source, **kept):
    predict_files(source, [], folder, Kept(**kept))
    return json.loads((folder / "settings.json").read_text())


def test_the_weights_of_a_model_are_noted(model, tmp_path):
    source = ModelSource([str(model)])
    first = settings_of(tmp_path / "a", source)
    (model / "events.tfevents").write_bytes(b"2")
    assert settings_of(tmp_path / "b", source) == first
    (model / "weights.safetensors").write_bytes(b"2")
    assert settings_of(tmp_path / "c", source)["models"] != first["models"]
    (tmp_path / "model.zip").write_bytes(b"3")
    assert len(settings_of(tmp_path / "d", ModelSource([str(tmp_path / "model.zip"), str(model)]))["models"]) == 2


def test_another_model_needs_another_folder(model, tmp_path):
    scans = [Scan("a", str(tmp_path / "a.nii.gz"))]
    (tmp_path / "out" / "a").mkdir(parents=True)
    settings_of(tmp_path / "out", ModelSource([str(model)]))
    (tmp_path / "out" / "a" / "predictions.json").write_text("{}")
    (model / "weights.safetensors").write_bytes(b"2")
    with pytest.raises(DataError, match="other settings: models"):
        predict_files(ModelSource([str(model)]), scans, tmp_path / "out")


def test_what_is_noted_of_a_bundle_stays_the_same(tmp_path, monkeypatch):
    """Folders of earlier runs can be gone on with."""
    monkeypatch.setattr(ModelSource, "sha256", lambda self: "of its values")
    (tmp_path / "best.pt").write_bytes(b"1")
    found = settings_of(tmp_path / "out", ModelSource((), "b", [str(tmp_path / "best.pt")]), min_score=0.5, max_findings=3)
    names = [
        "bundle",
        "overlay",
        "configuration",
        "checkpoints",
        "score_threshold",
        "top_k",
        "views",
        "overrides",
        "formats",
        "class_names",
    ]
    assert set(found) >= set(names) and "models" not in found and (found["score_threshold"], found["top_k"]) == (0.5, 3)
