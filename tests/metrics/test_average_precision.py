from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.apps.detection.metrics.coco import COCOMetric
from monai.apps.detection.metrics.matching import matching_batch
from monai.data.box_utils import box_iou
from tiny_cases import random_case

from medtk_monai.metrics import IoUHit, average_precision, match_detections
from medtk_monai.metrics.match_table import tabulate
from medtk_monai.metrics.weighted import average_precisions
from medtk_monai.structures import Target


def ap_loop(scores, is_tp, num_objects):
    """The definition: at each of 101 recalls the best precision among thresholds that reach it."""
    total = 0.0
    for percent in range(101):
        best = 0.0
        for threshold in scores:
            tp = sum(1 for s, t in zip(scores, is_tp) if s >= threshold and t)
            fp = sum(1 for s, t in zip(scores, is_tp) if s >= threshold and not t)
            if 100 * tp >= percent * num_objects:
                best = max(best, tp / (tp + fp))
        total += best
    return total / 101


@pytest.mark.parametrize("num_objects", [10, 13, 20, 25])
def test_agrees_with_the_definition(num_objects):
    generator = np.random.default_rng(num_objects)
    is_tp = generator.permutation(np.arange(30) < 10)
    scores = generator.random(30).round(1)
    assert average_precision(scores, is_tp, num_objects) == pytest.approx(ap_loop(scores, is_tp, num_objects), abs=1e-12)


def test_agrees_with_coco_of_monai():
    """Three classes, the last without objects; the counts are prime, where COCO's rounding of recalls plays no part."""
    coco = COCOMetric(
        classes=["a", "b", "absent"], iou_list=[0.1, 0.5, 0.75], iou_range=[0.1, 0.5, 0.05], max_detection=[1000], per_class=True
    )
    generator = torch.Generator().manual_seed(11)
    counts = [[3, 4], [5, 0], [0, 0], [6, 9], [9, 10]]
    cases = []
    for per_class in counts:
        labels = torch.repeat_interleave(torch.arange(2), torch.tensor(per_class))
        found, target = random_case(generator, len(labels), num_classes=3)
        cases.append((found, Target(target.boxes, labels, torch.zeros(len(labels), dtype=torch.bool))))
    found_of = [[getattr(found, name).numpy() for found, _ in cases] for name in ("boxes", "labels", "scores")]
    target_of = [[getattr(target, name).numpy() for _, target in cases] for name in ("boxes", "labels")]
    expected, _ = coco(matching_batch(box_iou, coco.iou_thresholds, *found_of, *target_of, max_detections=1000))

    for threshold in (0.1, 0.5, 0.75):
        table = tabulate([match_detections(found, target, IoUHit(threshold)) for found, target in cases], 3)
        assert table.lesions.sum(axis=0).tolist() == [23, 23, 0]
        ones = np.ones((1, table.num_cases))
        aps = np.array([average_precisions(table.of_class(label), ones)[0] for label in range(3)])
        reference = [expected[f"{name}_AP_IoU_{threshold:.2f}_MaxDet_1000"] for name in ("a", "b")]
        np.testing.assert_allclose(aps[:2], reference, atol=1e-6)
        assert np.isnan(aps[2]) and expected[f"absent_AP_IoU_{threshold:.2f}_MaxDet_1000"] == -1
        assert average_precisions(table, ones)[0] == pytest.approx(np.mean(reference), abs=1e-6)
        assert 0 < aps[0] < 1


def test_equal_scores_do_not_depend_on_order():
    scores, is_tp = np.full(6, 0.5), np.array([True, False, True, False, False, True])
    assert average_precision(scores, is_tp, 3) == average_precision(scores, is_tp[::-1], 3) == pytest.approx(0.5)


def test_extremes():
    none = np.array([]), np.array([], bool)
    assert average_precision(*none, 3) == 0
    assert np.isnan(average_precision(*none, 0))
    with pytest.raises(ValueError, match="only once"):
        average_precision(np.array([0.5]), np.array([True]), 0)
