"""The object that an evaluation is, and how it is printed."""

import json
import pickle
import sys
from types import SimpleNamespace

import pytest
from small_set import around, write_found, write_set

from medtk_monai.errors import DataError
from medtk_monai.evaluation import evaluate_files, read_truth
from medtk_monai.evaluation.printed import format_evaluation
from medtk_monai.formats import read_predictions
from medtk_monai.metrics import Bootstrap, DetectionMetrics, Interval, OperatingPoint, parse_rules
from tests.metrics.tiny_cases import detections_at, target_at

LESION, OTHER, MISS = around((12, 10, 8), (6, 6, 8)), around((28, 20, 12), (6, 6, 8)), around((35, 4, 3), (4, 4, 4))
OBJECTS = {"a": [LESION, OTHER], "b": [], "c": [LESION]}
FOUND = {"a": [(LESION, 0.9), (MISS, 0.7)], "b": [(MISS, 0.3)], "c": [(LESION, 0.5)]}


def evaluated(folder, objects=OBJECTS, found=FOUND, rules="medtk", **more):
    truths = read_truth(write_set(folder, objects))
    cases = read_predictions(write_found(folder / "found.json", found))
    return evaluate_files(cases, truths, parse_rules(rules), **{"num_draws": 50} | more)


def test_all_of_metrics_json_are_attributes(tmp_path):
    result = evaluated(tmp_path)
    told = result.to_dict()
    assert result.metrics == told and json.loads(json.dumps(told, allow_nan=False)) == told
    for key, value in result.figures.items():
        assert told[key] == value.value and getattr(result, key) is value
        assert told[f"{key}_interval"] == [None if end != end else end for end in (value.low, value.high)]
        assert key in dir(result)
    assert (result.froc_mean.value, result.froc_mean.low) == (told["froc"]["mean"], told["froc"]["mean_interval"][0])
    at_one = told["froc"]["fp_per_case"].index(1)
    assert result.sensitivity_at(1) == result.sensitivity_at_1 == result.froc.sensitivity[at_one]
    assert result.sensitivity_at_1.value == pytest.approx(2 / 3)
    assert [result.sensitivity_at_1.low, result.sensitivity_at_1.high] == told["froc"]["sensitivity_interval"][at_one]
    point = result.operating_points["1 FP per case"]
    assert (point.tp, point.fp, point.fn, point.sensitivity.value) == (2, 2, 1, pytest.approx(2 / 3))
    assert (result.num_lesions, result.num_cases, result.num_patients, result.num_diseased) == (3, 3, 3, 2)
    assert result.curve.sensitivity[-1] == pytest.approx(2 / 3) and len(result.matches) == 3
    with pytest.raises(AttributeError, match="no 'frocmean'"):
        result.frocmean  # noqa: B018


def test_it_can_be_pickled(tmp_path):
    result = evaluated(tmp_path, num_draws=0)
    assert pickle.loads(pickle.dumps(result)).to_dict() == result.to_dict()


def test_operating_points_can_be_read_again(tmp_path):
    point = evaluated(tmp_path).operating_points["1 FP per case"]
    assert repr(OperatingPoint.read(json.loads(json.dumps(point.to_dict())))) == repr(point)
    old = OperatingPoint.read({"threshold": None})
    assert old.threshold == float("inf") and old.tp is None and old.beta == 1 and old.ppv.value != old.ppv.value


def test_as_a_data_frame(tmp_path, monkeypatch):
    """pandas is no dependency: its constructor is called with rows and names of columns."""
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=lambda rows, columns: [dict(zip(columns, row)) for row in rows]))
    result = evaluated(tmp_path)
    rows = {row["figure"]: row for row in result.to_pandas()}
    assert list(rows)[: len(result.figures)] == list(result.figures) and rows["sensitivity@2"]["value"] == pytest.approx(2 / 3)
    froc = result.froc_mean
    assert rows["froc_mean"] == {"figure": "froc_mean", "value": froc.value, "low": froc.low, "high": froc.high}
    assert rows["ap@0.5"]["value"] == result.ap_per_iou[0.5]


def test_a_data_frame_needs_pandas(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(DataError, match="needs pandas.*pip install pandas"):
        evaluated(tmp_path, num_draws=0).to_pandas()


def test_the_terminal_tells_rules_and_figures(tmp_path):
    lines = format_evaluation(evaluated(tmp_path, rules="picai").summary).splitlines()
    assert [line.split()[0] for line in lines[:10]] == ["FP", "-----------", "0.125", "0.25", "0.5", "1", "2", "4", "8", "mean"]
    told = "\n".join(lines)
    for part in (
        "\nAP 0.",
        "at IoU 0.1, ",
        "\ncase AUROC ",
        "\nPI-CAI score ",
        "\nAP without interpolation ",
        "rules: picai, hit: iou>=0.1, step",
    ):
        assert part in told
    assert "3 lesions in 2 of 3 cases of 3 patients" in told and "PI-CAI" not in format_evaluation(evaluated(tmp_path).summary)


def test_the_terminal_tells_of_several_classes_and_of_what_is_undefined():
    metrics = DetectionMetrics(num_classes=2)
    metrics.update(detections_at([(0, 0.9, 0)]), target_at([(0, 0)]))
    lines = format_evaluation(metrics.summary(bootstrap=Bootstrap(0))).splitlines()
    assert "class 0: AP 1.000; 1.000 at IoU 0.1, 1.000 at IoU 0.5, 1.000 at IoU 0.75; 1 lesion" in lines
    assert "class 1: AP -; - at IoU 0.1, - at IoU 0.5, - at IoU 0.75; 0 lesions" in lines
    assert "case AUROC -" in lines and "1 lesion in 1 of 1 case of 1 patient, rules: medtk, hit: iou>=0.1, step interpolation" in lines


def test_intervals_can_be_read_again():
    nothing = Interval.read({"x": None, "x_interval": [None, None]}, "x")
    assert nothing.to_dict("x") == {"x": None, "x_interval": [None, None]}
    assert Interval.read(Interval(0.5, 0.25, 1.0).to_dict("x"), "x") == Interval(0.5, 0.25, 1.0)
    assert Interval.read({"x": 0.5}, "x").to_dict("x", False) == {"x": 0.5}
