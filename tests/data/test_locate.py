import pytest

from medtk_monai.data import locate_datalist
from medtk_monai.errors import DataError


def test_finds_the_datalist_of_a_folder(tmp_path):
    (tmp_path / "dataset.json").write_text("{}")
    assert locate_datalist(str(tmp_path), None, "out") == str(tmp_path / "dataset.json")
    (tmp_path / "datalist.json").write_text("{}")
    assert locate_datalist(str(tmp_path), None, "out") == str(tmp_path / "datalist.json")


def test_a_named_datalist_may_lie_in_the_data_or_anywhere(tmp_path, monkeypatch):
    data = tmp_path / "data"
    data.mkdir()
    (data / "mine.json").write_text("{}")
    (tmp_path / "other.json").write_text("{}")
    assert locate_datalist(str(data), "mine.json", "out") == str(data / "mine.json")
    assert locate_datalist(None, str(data / "mine.json"), "out") == str(data / "mine.json")
    monkeypatch.chdir(tmp_path)
    assert locate_datalist(str(data), "other.json", "out") == "other.json"


@pytest.mark.parametrize(
    "folder, datalist, words", [("nowhere", None, "not a folder"), (".", None, "no datalist"), (".", "x.json", "x.json")]
)
def test_says_what_is_missing(tmp_path, monkeypatch, folder, datalist, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=words):
        locate_datalist(folder, datalist, "out")


def test_makes_the_phantom_once(tmp_path, monkeypatch):
    calls = []

    def write(out, **settings):
        calls.append((out, settings))
        return out / "datalist.json"

    monkeypatch.setattr("medtk_monai.phantom.write_phantom_dataset", write)
    path = locate_datalist(None, None, str(tmp_path), num_cases=5, seed=3, spatial_dims=2)
    assert path == str(tmp_path / "phantom" / "datalist.json")
    assert calls == [(tmp_path / "phantom", {"num_cases": 5, "seed": 3, "spatial_dims": 2})]
