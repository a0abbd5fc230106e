import json
import sys
from pathlib import Path

import numpy as np
import pytest

from medtk_monai.cli.main import main
from medtk_monai.formats import make_case, write_predictions


def convert(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["medtk", "convert", *map(str, arguments)])
    main()


@pytest.fixture
def predictions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    grid = {"size": [20, 20, 20], "affine": np.eye(4).tolist()}
    case = make_case("sub-01", "RAS", [[4.5, 5, 6], [9, 9, 9]], [[4, 3, 5], [1, 1, 1]], None, [0.5, 0.25], [1, 0], grid=grid)
    write_predictions("predictions.json", [case, make_case("sub-02", "RAS", np.zeros((0, 3)), np.zeros((0, 3)), grid=grid)])


def test_losses_are_printed(predictions, monkeypatch, capsys):
    convert(monkeypatch, "predictions.json", "found.csv")
    assert capsys.readouterr().out.splitlines() == ["cases: 1 of 2 lost (sub-02)", "voxel grids: 1 of 1 not kept"]
    convert(monkeypatch, "predictions.json", "markups", "--target_format", "slicer", "--class_names", "vessel,aneurysm")
    assert capsys.readouterr().out.splitlines() == ["voxel grids: 2 of 2 not kept"]
    convert(monkeypatch, "predictions.json", "maps", "--target_format=label")
    assert capsys.readouterr().out.splitlines() == ["nothing lost"]
    convert(monkeypatch, "markups", "2", "--source_format", "slicer", "--target_format", "points", "--class_names", "1,2")
    assert capsys.readouterr().out.splitlines() == ["sizes: 2 of 2 changed, by up to 5 mm"]
    point = json.loads(Path("2/sub-01.json").read_text())["points"][0]
    assert point == {"name": "2", "point": [-4.5, -5, 6], "probability": 0.5}


def test_images_give_the_grids(predictions, monkeypatch, capsys):
    convert(monkeypatch, "predictions.json", "maps", "--target_format", "label")
    convert(monkeypatch, "predictions.json", "voxels", "--target_format", "adam")
    capsys.readouterr()
    assert Path("voxels/sub-01.txt").read_text() == "5, 5, 6\n9, 9, 9\n"
    convert(monkeypatch, "voxels", "again", "--target_format", "nndetection", "--images", "maps/*.nii.gz")
    assert capsys.readouterr().out.splitlines() == ["nothing lost"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.json", "a.csv"], "error: no file or folder none.json"),
        (["predictions.json", "a.json"], "error: the format of a.json is open"),
        (["predictions.json", "coco.json", "--target_format", "coco"], "3D"),
        (["predictions.json", "a.csv", "--source_format", "7"], "no format '7'"),
        (["predictions.json", "a.csv", "--images", "none/*.nii.gz"], "no images found"),
    ],
)
def test_errors_take_one_line_and_nothing_is_written(predictions, monkeypatch, arguments, message, tmp_path):
    with pytest.raises(SystemExit) as caught:
        convert(monkeypatch, *arguments)
    assert message in str(caught.value.code) and "\n" not in str(caught.value.code)
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.json"]


def test_existing_files_are_spared(predictions, monkeypatch, capsys):
    Path("found.csv").write_text("mine")
    with pytest.raises(SystemExit, match="found.csv exists -- choose another target, or give --overwrite"):
        convert(monkeypatch, "predictions.json", "found.csv")
    assert Path("found.csv").read_text() == "mine"
    convert(monkeypatch, "predictions.json", "found.csv", "--overwrite")
    assert Path("found.csv").read_text().startswith("seriesuid")


@pytest.mark.parametrize("arguments", [[], ["predictions.json"], ["predictions.json", "a.csv", "--format", "luna"]])
def test_wrong_arguments_fail(predictions, monkeypatch, arguments, tmp_path):
    with pytest.raises(SystemExit) as caught:
        convert(monkeypatch, *arguments)
    assert caught.value.code not in (0, None)
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.json"]


def test_help_names_the_formats(monkeypatch, capsys):
    with pytest.raises(SystemExit) as caught:
        convert(monkeypatch, "--help")
    assert caught.value.code == 0
    assert "nndetection" in "".join(capsys.readouterr())
