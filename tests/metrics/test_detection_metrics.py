from __future__ import annotations

import json
import pickle

import pytest
import torch
from tiny_cases import detections_at, random_case, target_at

from medtk_monai.errors import DataError
from medtk_monai.metrics import DetectionMetrics, IoUHit, Rules, figures_of


def filled(cases, **arguments) -> DetectionMetrics:
    metrics = DetectionMetrics(num_classes=2, **arguments)
    for case in cases:
        metrics.update(*case)
    return metrics


def some_cases(count=6):
    generator = torch.Generator().manual_seed(1)
    return [random_case(generator, number, num_classes=2) for number in range(count)]


def test_shape_of_the_result():
    metrics = DetectionMetrics()
    metrics.update(detections_at([(0, 0.9), (5, 0.3)]), target_at([(0,), (2,)]))
    metrics.update(detections_at([]), target_at([]))
    ap = 51 / 101
    per_iou = {"0.1": pytest.approx(ap), "0.5": pytest.approx(ap), "0.75": pytest.approx(ap)}
    froc = {"fp_per_case": [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0], "sensitivity": [0.5] * 7, "mean": 0.5}
    known = {
        "num_cases": 2,
        "num_patients": 2,
        "num_diseased": 1,
        "num_lesions": 2,
        "num_detections": 2,
        "hit": "iou>=0.1",
        "rules": Rules().to_dict(),
        "froc": froc,
        "froc_diseased": froc,
        "froc_mean": 0.5,
        "sensitivity_at_1": 0.5,
        "case_auroc": 1.0,
        "ap": pytest.approx(ap),
        "ap_per_iou": per_iou,
        "per_class": [{"label": 0, "num_lesions": 2, "ap": pytest.approx(ap), "ap_per_iou": per_iou}],
        "bootstrap": {"draws": 0, "seed": 0, "level": 0.95, "unit": "patient"},
        "interpolation": "step",
        "operating_points": {},
    }
    further = set(figures_of(Rules())) - set(known)
    assert {key: value for key, value in metrics.compute().items() if key not in further} == known


def test_stricter_overlaps_score_lower():
    metrics = DetectionMetrics(hit=IoUHit(0.5))
    metrics.update(detections_at([(0.1, 0.9)]), target_at([(0,)]))  # IoU 8 / 12
    computed = metrics.compute()
    assert computed["hit"] == "iou>=0.5"
    assert computed["ap"] == 1
    assert computed["ap_per_iou"] == {"0.1": 1, "0.5": 1, "0.75": 0}


def test_each_class_has_its_own_overlaps():
    metrics = DetectionMetrics(num_classes=2)
    metrics.update(detections_at([(0.1, 0.9, 0), (5, 0.8, 1)]), target_at([(0, 0), (5, 1)]))  # IoU 8 / 12 and 1
    first, second = metrics.compute()["per_class"]
    assert first["ap_per_iou"] == {"0.1": 1, "0.5": 1, "0.75": 0} and second["ap_per_iou"] == {"0.1": 1, "0.5": 1, "0.75": 1}


def test_undefined_values_are_null_in_strict_json():
    metrics = DetectionMetrics(num_classes=2)
    metrics.update(detections_at([(0, 0.9)]), target_at([]))
    written = json.loads(json.dumps(metrics.compute(), allow_nan=False))
    assert written["froc"]["mean"] is None and written["ap"] is None
    assert [entry["ap"] for entry in written["per_class"]] == [None, None]


def test_cases_may_come_in_parts_and_in_any_order():
    cases = some_cases()
    whole = filled(cases)
    parts = [filled(cases[3:]), filled(cases[:3])]
    total = DetectionMetrics(num_classes=2)
    for part in parts:
        total.merge(pickle.loads(pickle.dumps(part.state)))
    assert total.compute() == whole.compute()
    assert whole.compute()["num_lesions"] > 5


def test_state_is_a_copy_and_reset_forgets():
    metrics = filled(some_cases(3))
    metrics.state.clear()
    assert metrics.compute()["num_cases"] == 3
    metrics.reset()
    assert metrics.state == []
    with pytest.raises(DataError, match="no cases"):
        metrics.compute()
    with pytest.raises(DataError, match="no cases"):
        metrics.curve()


def test_curve_belongs_to_the_result():
    metrics = filled(some_cases())
    curve, computed = metrics.curve(), metrics.compute()
    affordable = curve.fp_per_case <= 2
    assert computed["froc"]["sensitivity"][4] == curve.sensitivity[affordable].max()


def test_labels_outside_the_classes_are_refused():
    metrics = DetectionMetrics(num_classes=2)
    with pytest.raises(DataError, match="sub-7.*label.*num_classes"):
        metrics.update(detections_at([(0, 0.5, 2)]), target_at([]), "sub-7")
    with pytest.raises(DataError, match="an object"):
        metrics.update(detections_at([]), target_at([(0, -1)]))
    assert metrics.state == []
    metrics.update(detections_at([(0, 0.5)]), target_at([(0, 9, "ignored")]))
    assert metrics.compute()["num_lesions"] == 0
