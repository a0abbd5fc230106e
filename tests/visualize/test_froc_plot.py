from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from medtk_monai.metrics import DetectionMetrics
from medtk_monai.structures import Detections, Target
from medtk_monai.visualize import plot_froc


def metrics_of(scores: list[float], num_objects: int) -> DetectionMetrics:
    """The first detections find an object each, the others are false positives."""
    boxes = torch.tensor([[10.0 * i, 0, 10 * i + 5, 5] for i in range(4)])
    zeros = torch.zeros(len(boxes), dtype=torch.int64)
    metrics = DetectionMetrics()
    count = len(scores)
    target = Target(boxes[:num_objects], zeros[:num_objects], zeros[:num_objects].bool())
    metrics.update(Detections(boxes[:count], torch.tensor(scores), zeros[:count], zeros[:count]), target)
    return metrics


def test_line_passes_through_the_marked_points(tmp_path):
    metrics = metrics_of([0.9, 0.5, 0.8, 0.7], 2)
    figure = plot_froc(metrics.summary(), tmp_path / "froc.png")
    step, points = figure.axes[0].get_lines()
    np.testing.assert_array_equal(points.get_ydata(), [0.5, 0.5, 0.5, 0.5, 1, 1, 1])
    x, y = step.get_data()
    for fp, sensitivity in zip(*points.get_data()):
        assert y[np.searchsorted(x, fp, side="right") - 1] == sensitivity
    assert step.get_drawstyle() == "steps-post"
    assert "0.714" in figure.axes[0].get_title()
    assert figure.axes[0].get_xscale() == "log"
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1/8", "1/4", "1/2", "1", "2", "4", "8"]
    assert (tmp_path / "froc.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("scores", "num_objects", "word"), [([], 2, "0.000"), ([0.5], 0, "undefined"), ([], 0, "undefined")])
def test_edges_can_be_drawn(scores, num_objects, word, tmp_path):
    metrics = metrics_of(scores, num_objects)
    figure = plot_froc(metrics.summary(), tmp_path / "froc.svg")
    assert word in figure.axes[0].get_title()
    assert (tmp_path / "froc.svg").stat().st_size > 1000


def test_nothing_is_left_in_pyplot():
    metrics = metrics_of([0.9], 1)
    plot_froc(metrics.summary())
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()
