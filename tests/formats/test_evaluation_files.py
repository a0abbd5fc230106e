from __future__ import annotations

import csv
import json
from dataclasses import dataclass

import numpy as np

from medtk_monai.formats import format_froc_table, write_froc_csv, write_metrics


@dataclass(frozen=True)
class Curve:
    thresholds: np.ndarray
    fp_per_case: np.ndarray
    sensitivity: np.ndarray


def metrics(**changes) -> dict:
    return {
        "num_cases": 20,
        "num_lesions": 31,
        "hit": "iou>=0.1",
        "froc": {
            "fp_per_case": [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0],
            "sensitivity": [0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
            "mean": 0.6785,
        },
        "ap": 0.61234,
        "ap_per_iou": {"0.1": 0.61234, "0.5": 0.4, "0.75": None},
        "per_class": [{"label": 0, "num_lesions": 31, "ap": 0.61234, "ap_per_iou": {"0.1": 0.61234, "0.5": 0.4, "0.75": None}}],
        **changes,
    }


def test_metrics_are_strict_json(tmp_path):
    path = tmp_path / "new" / "metrics.json"
    write_metrics(path, {"a": float("nan"), "b": [1, float("inf"), (0.5,)], "c": {"d": np.float64("nan"), "e": np.float64(0.25)}, "f": "x"})

    def refuse(token):
        raise AssertionError(token)

    assert json.loads(path.read_text(), parse_constant=refuse) == {
        "a": None,
        "b": [1, None, [0.5]],
        "c": {"d": None, "e": 0.25},
        "f": "x",
    }
    assert [entry.name for entry in path.parent.iterdir()] == ["metrics.json"]


def test_curve_as_csv(tmp_path):
    path = tmp_path / "froc.csv"
    write_froc_csv(path, Curve(np.array([np.inf, 0.9, 1 / 3]), np.array([0, 0, 0.5]), np.array([0, 0.25, 0.75])))
    rows = list(csv.DictReader(path.open()))
    assert list(rows[0]) == ["fp_per_case", "sensitivity", "threshold"]
    numbers = [[float(value) for value in row.values()] for row in rows]
    np.testing.assert_allclose(numbers, [[0, 0, np.inf], [0, 0.25, 0.9], [0.5, 0.75, 1 / 3]], rtol=1e-8)


def test_table():
    assert format_froc_table(metrics()).splitlines() == [
        "FP per case  0.125   0.25    0.5      1      2      4      8   mean",
        "-----------  -----  -----  -----  -----  -----  -----  -----  -----",
        "sensitivity  0.250  0.500  0.600  0.700  0.800  0.900  1.000  0.678",
        "",
        "AP 0.612 (0.612 at IoU 0.1, 0.400 at IoU 0.5, - at IoU 0.75)",
        "20 cases, 31 lesions, hit: iou>=0.1",
    ]


def test_several_classes_have_lines_of_their_own():
    classes = [{"label": label, "num_lesions": label, "ap": 0.5, "ap_per_iou": {"0.5": 0.25}} for label in range(2)]
    lines = format_froc_table(metrics(per_class=classes)).splitlines()[-3:-1]
    assert lines == ["class 0: AP 0.500 (0.250 at IoU 0.5), 0 lesions", "class 1: AP 0.500 (0.250 at IoU 0.5), 1 lesion"]


def test_table_without_lesions():
    undefined = {"fp_per_case": [1.0], "sensitivity": [None], "mean": None}
    table = format_froc_table(metrics(num_cases=1, num_lesions=0, froc=undefined, ap=None, ap_per_iou={}))
    assert table.splitlines()[2:] == ["sensitivity      -      -", "", "AP -", "1 case, 0 lesions, hit: iou>=0.1"]
