"""A format that is only put into the table is converted, guessed, predicted, and passed over among scans."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medtk_monai.errors import DataError
from medtk_monai.formats import FORMATS, convert, in_space, make_case, read_predictions
from medtk_monai.formats.conversion import read_cases
from medtk_monai.formats.file_format import Format
from medtk_monai.formats.guessing import guess_format, guess_target
from medtk_monai.prediction import find_scans
from medtk_monai.prediction.outputs import chosen_formats
from medtk_monai.prediction.own_files import is_own_file
from medtk_monai.prediction.run import predict_scans
from tests.prediction.marked_scans import predictor, save_marked

HEAD = "case,class,score,x,y,z,dx,dy,dz"


def write_boxes(path, cases, names):
    lines = [HEAD]
    for case in cases:
        turned = in_space(case, "RAS")
        for box, score, label in zip(turned["boxes"], turned["scores"], turned["labels"]):
            lines.append(",".join(map(str, [case["case_id"], names[label] if names else label, score, *box])))
    Path(path).write_text("\n".join(lines) + "\n")


def read_boxes(path, find_grid, names):
    found = {}
    for line in Path(path).read_text().splitlines()[1:]:
        case_id, label, *numbers = line.split(",")
        found.setdefault(case_id, []).append([list(names).index(label) if names else int(label), *map(float, numbers)])
    cases = ((case_id, np.array(rows)) for case_id, rows in found.items())
    return [make_case(case_id, "RAS", rows[:, 2:5], rows[:, 5:], None, rows[:, 1], rows[:, 0]) for case_id, rows in cases]


BOXES = Format(
    "boxes",
    (".box",),
    read=read_boxes,
    write=write_boxes,
    aliases=("bx",),
    sign=lambda line: line.strip() == HEAD,
    one_case=False,
    dims=(3,),
    needs=("class names",),
    loses=("the direction of oblique boxes", "prior ids", "image paths", "voxel grids"),
    file_name="predictions.box",
    by_default=True,
)


@pytest.fixture
def add(monkeypatch):
    return lambda entry: monkeypatch.setitem(FORMATS, entry.name, entry)


@pytest.fixture
def predicted(tmp_path):
    """Predicts one scan, with the formats of the time."""
    (tmp_path / "in").mkdir()
    save_marked(tmp_path / "in" / "scan.nii.gz")

    def predict(names=("knot", "loop")):
        return predict_scans(predictor, find_scans([tmp_path / "in"]), tmp_path / "out", chosen_formats(None), {}, names)

    return predict


def test_predictions_write_it_and_pass_it_over(add, predicted, tmp_path):
    assert not is_own_file(tmp_path / "out" / "predictions.box")
    add(BOXES)
    assert "boxes" in chosen_formats(None) and chosen_formats(["bx"]) == ("medtk", "boxes")
    assert not predicted().failed
    for path in (tmp_path / "out" / "predictions.box", tmp_path / "out" / "scan" / "predictions.box"):
        assert path.read_text().splitlines()[1].startswith("scan,knot,")
        assert is_own_file(path)
    with pytest.raises(DataError, match="nothing but files of predictions"):
        find_scans([tmp_path / "out" / "scan"])


def test_it_is_converted_and_guessed(add, predicted, tmp_path):
    predicted()
    source, target = tmp_path / "out" / "predictions.json", tmp_path / "found.box"
    with pytest.raises(DataError, match="open"):
        convert(source, target)
    add(BOXES)
    lost = convert(source, target)
    assert [line.split(":")[0] for line in lost] == ["directions", "prior ids", "image paths", "voxel grids"]
    assert guess_format(target) is BOXES and guess_target(target) is BOXES
    assert convert(target, tmp_path / "back.json", target_format="medtk") == []
    back, before = read_predictions(tmp_path / "back.json"), read_predictions(source)
    np.testing.assert_allclose(back[0]["boxes"], before[0]["boxes"], atol=1e-4)
    assert [case["case_id"] for case in read_cases(target)] == ["scan"] and read_cases(target, "bx") == read_cases(target, "boxes")


def test_a_suffix_of_two_formats_is_told_apart_by_the_first_line(add, predicted, tmp_path):
    predicted()
    source = tmp_path / "out" / "predictions.json"
    convert(source, tmp_path / "luna.csv")
    entry = replace(BOXES, suffixes=(".csv",), file_name="")
    add(entry)
    with pytest.raises(DataError, match="open"):
        convert(source, tmp_path / "boxes.csv")
    convert(source, tmp_path / "boxes.csv", target_format="boxes")
    assert guess_format(tmp_path / "boxes.csv") is entry and guess_format(tmp_path / "luna.csv") is FORMATS["luna"]


def test_json_is_told_by_its_content(add, tmp_path):
    add(replace(BOXES, suffixes=(".json",), sign=lambda document: isinstance(document, dict) and "our_boxes" in document))
    (tmp_path / "a.json").write_text('{"our_boxes": []}')
    (tmp_path / "b.json").write_text('{"their_boxes": []}')
    assert guess_format(tmp_path / "a.json") is FORMATS["boxes"] and guess_format(tmp_path / "b.json") is None


def test_one_file_for_each_case(add, predicted, tmp_path):
    add(replace(BOXES, one_case=True, file_name="findings.box"))
    predicted()
    assert (tmp_path / "out" / "scan" / "findings.box").exists() and not (tmp_path / "out" / "findings.box").exists()
    convert(tmp_path / "out" / "predictions.json", tmp_path / "folder", target_format="boxes")
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["scan.box"]
    assert convert(tmp_path / "folder", tmp_path / "back.json", target_format="medtk") == []
