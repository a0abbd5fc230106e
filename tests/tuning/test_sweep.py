"""Sweeps over candidates whose best setting is known."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from medtk_monai.errors import DataError
from medtk_monai.evaluation.evaluate import read_operating_points
from medtk_monai.evaluation.truth import TruthCase
from medtk_monai.metrics import parse_goal, parse_rules
from medtk_monai.structures import Detections
from medtk_monai.suppressors import NMS, KeepAll
from medtk_monai.transforms.boxes import WorldBoxes
from medtk_monai.tuning import Candidates, Setting, settings_grid, sweep
from medtk_monai.tuning.printed import format_sweep
from medtk_monai.tuning.settings import read_tuned

PRESENT = Setting(NMS(0.05), 0.02, 0.2, {"_target_": "medtk_monai.suppressors.NMS", "iou": 0.05})
SPACING = 0.5


def detections(rows):
    """(low..., high..., score) rows, voxels."""
    values = torch.tensor(rows, dtype=torch.float32).reshape(-1, 7)
    return Detections(values[:, :6], values[:, 6], torch.zeros(len(values), dtype=torch.int64), torch.arange(len(values)))


def cube(x, side=10.0, score=0.9, y=0.0):
    return [x, y, 0.0, x + side, y + side, side, score]


def affine():
    matrix = torch.eye(4, dtype=torch.float64) * SPACING
    matrix[:3, 3], matrix[3, 3] = SPACING / 2, 1  # voxel i covers [i, i + 1) * SPACING mm
    return matrix


def truth(case_id, rows):
    values = torch.tensor(rows, dtype=torch.float64).reshape(-1, 7)[:, :6] * SPACING
    boxes = WorldBoxes((values[:, :3] + values[:, 3:]) / 2, values[:, 3:] - values[:, :3], torch.eye(3, dtype=torch.float64))
    count = len(values)
    return TruthCase(case_id, boxes, torch.zeros(count, dtype=torch.int64), torch.zeros(count, dtype=torch.bool), case_id)


def touching_lesions(num_cases=6):
    """Cases with two lesions that overlap at IoU 0.25, and duplicates of each that overlap it at IoU 0.43: only 0.3 and 0.4 are right."""
    lesions = [cube(0), cube(6)]
    found = [cube(0), cube(6, score=0.8), cube(0, y=4, score=0.7), cube(6, y=4, score=0.6)]
    names = [f"case_{number}" for number in range(num_cases)]
    return [Candidates(name, [detections(found)], affine()) for name in names], [truth(name, lesions) for name in names]


def grid(kinds=("nms",), ious=(0.05, 0.2, 0.3, 0.5), lows=(0.02,), merges=(0.2,)):
    return [PRESENT, *settings_grid(kinds, ious, lows, merges)]


def test_the_only_right_iou_is_chosen():
    result = sweep(*touching_lesions(), grid(), parse_goal("sensitivity@1", parse_rules("iou:0.5")), 100)
    assert result.best.setting.suppressor == NMS(0.3) and result.best.value == 1.0
    by_iou = {trial.setting.suppressor.iou: trial.value for trial in result.trials}
    assert by_iou == {0.05: 0.5, 0.2: 0.5, 0.3: 1.0, 0.5: 1.0}  # duplicates at 0.5 score less than both lesions
    assert result.gain.difference.value == 0.5 and result.gain.p_value < 0.05
    assert result.trials[0].setting is PRESENT
    assert result.point.tp == 12 and result.point.fp == 0 and result.point.threshold == pytest.approx(0.8)


def test_equal_values_are_told_apart_by_the_whole_curve():
    """At one false positive per case 0.3 and 0.5 find as much; with duplicates, 0.5 has more false positives."""
    candidates, truths = touching_lesions()
    best_first = [cube(0), cube(0, y=4, score=0.85), cube(6, score=0.8)]
    candidates = [replace(part, views=[detections(best_first)]) for part in candidates]
    result = sweep(candidates, truths, grid(ious=(0.5, 0.3)), parse_goal("sensitivity@1", parse_rules("iou:0.5")), 100)
    assert [trial.value for trial in result.trials[1:]] == [1.0, 1.0]
    assert result.best.setting.suppressor == NMS(0.3)


def test_the_present_setting_stays_where_none_is_better():
    names = ["a", "b"]
    candidates = [Candidates(name, [detections([cube(0)])], affine()) for name in names]
    result = sweep(candidates, [truth(name, [cube(0)]) for name in names], grid(), parse_goal("ap", parse_rules("medtk")), 100)
    assert result.best is result.trials[0] and result.gain.p_value == 1.0
    assert "none is better" in format_sweep(result)


def test_score_thresholds_come_before_clusters():
    """Poor candidates spoil the mean box of a cluster; a threshold keeps them out."""
    poor = [cube(0, side=14, score=0.15) for _ in range(40)]
    candidates = [Candidates(name, [detections([cube(0), *poor])], affine()) for name in "ab"]
    settings = [replace(PRESENT, suppressor=KeepAll()), *settings_grid(["wbc"], [0.2], [0.02, 0.2], [0.2])]
    result = sweep(candidates, [truth(name, [cube(0)]) for name in "ab"], settings, parse_goal("ap@0.8", parse_rules("medtk")), 1)
    assert [trial.value for trial in result.trials[1:]] == [0.0, 1.0]


def test_views_merge_as_they_would_in_prediction():
    """Two views see a lesion at boxes of IoU 0.25: below that they merge to one, above it the second is a false positive."""
    candidates = [Candidates(name, [detections([cube(0)]), detections([cube(6)])], affine()) for name in "ab"]
    settings = [PRESENT, *settings_grid(["nms"], [0.1], [0.02], [0.2, 0.3])]
    result = sweep(candidates, [truth(name, [cube(3)]) for name in "ab"], settings, parse_goal("ap", parse_rules("iou:0.6")), 100)
    assert {trial.setting.merge_iou: trial.value for trial in result.trials} == {0.2: 1.0, 0.3: 0.0}
    assert result.best.setting.merge_iou == 0.2


def test_figures():
    candidates, truths = touching_lesions()
    rules = parse_rules("iou:0.5")
    tight = sweep(candidates, truths, grid(ious=(0.3,)), parse_goal("ap@0.9", rules), 100)
    assert tight.best.value == 1.0
    wide = sweep(candidates, truths, grid(ious=(0.3,)), parse_goal("froc_mean", rules), 100)
    assert wide.best.value == 1.0 and wide.trials[0].value == 0.5
    undefined = sweep(candidates, truths, grid(), parse_goal("case_auroc", rules), 100)  # all cases are diseased
    assert np.isnan(undefined.best.value) and undefined.summary["best"]["value"] is None


@pytest.mark.parametrize("text", ["sensitivity", "sensitivity@", "sensitivity@0", "sensitivity@x", "f1", "ap@2", "froc_mean@1"])
def test_unknown_figures(text):
    with pytest.raises(ValueError):
        parse_goal(text, parse_rules("medtk"))


def test_files(tmp_path):
    result = sweep(*touching_lesions(), grid(), parse_goal("sensitivity@2", parse_rules("iou:0.5")), 100, num_draws=20)
    result.write(tmp_path)
    summary = json.loads((tmp_path / "sweep.json").read_text())
    assert summary["best"]["settings"]["suppressor"] == {"_target_": "medtk_monai.suppressors.NMS", "iou": 0.3}
    assert len((tmp_path / "sweep.csv").read_text().splitlines()) == 1 + len(grid())
    assert read_tuned(tmp_path / "tuned.json") == result.best.setting.values
    (point,) = read_operating_points(tmp_path / "sweep.json").values()
    assert point.threshold == pytest.approx(result.point.threshold)


@pytest.mark.parametrize(
    "change",
    [
        {"suppressor": {"_target_": "os.system", "command": "touch harm"}},
        {"suppressor": {"_target_": "medtk_monai.suppressors.NMS", "iou": "$__import__('os').abort()"}},
        {"suppressor": {"_target_": "medtk_monai.suppressors.Suppressor"} | {"x": "@network"}},
        {"merge_iou": "$1"},
        {"network": 1},
        {"suppressor": None},
    ],
)
def test_a_file_of_settings_runs_nothing_else(tmp_path, change):
    (tmp_path / "tuned.json").write_text(json.dumps(PRESENT.values | change))
    with pytest.raises(DataError, match="tuned.json"):
        read_tuned(tmp_path / "tuned.json")


@pytest.mark.parametrize("arguments", [(["nmms"], [0.1], [0.1]), (["nms"], [1.5], [0.1]), (["nms"], [0.1], [1.0])])
def test_settings_out_of_range(arguments):
    with pytest.raises(DataError):
        settings_grid(*arguments, [0.2])
