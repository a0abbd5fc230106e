from __future__ import annotations

import csv
import json
from dataclasses import dataclass

import numpy as np

from medtk_monai.formats import write_froc_csv, write_metrics


@dataclass(frozen=True)
class Curve:
    thresholds: np.ndarray
    fp_per_case: np.ndarray
    sensitivity: np.ndarray


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
