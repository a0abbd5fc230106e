"""Which of the objects that a patch cuts are learnt, ignored or dropped."""

import pytest
import torch

from medtk_monai.structures import Target
from medtk_monai.transforms import VisibilityRule


def target_of(boxes, ignored=None):
    boxes = torch.tensor(boxes, dtype=torch.float32)
    return Target(boxes, torch.arange(len(boxes)), torch.tensor(ignored or [False] * len(boxes)))


@pytest.mark.parametrize(
    ("start", "outcome"),
    [
        (0, "kept"),  # all of [4, 14) is inside
        (7, "kept"),  # 0.7
        (8, "ignored"),  # 0.6
        (11, "ignored"),  # 0.3
        (12, "dropped"),  # 0.2
        (13, "dropped"),  # 0.1
        (14, "dropped"),  # touches
        (20, "dropped"),
    ],
)
def test_truncated_objects(start, outcome):
    target = target_of([[4, 0, 14, 2]])
    result = VisibilityRule(keep_fraction=0.7, drop_fraction=0.2)(target, [start, 0], [20, 20])
    assert {0: "dropped", 1: "ignored" if result.ignored.any() else "kept"}[len(result)] == outcome
    if outcome != "dropped":
        assert result.boxes.tolist() == [[max(4 - start, 0), 0, 14 - start, 2]]


def test_ignored_objects_stay_ignored():
    target = target_of([[4, 0, 14, 2], [0, 0, 9, 9]], ignored=[True, False])
    assert VisibilityRule()(target, [0, 0], [20, 20]).ignored.tolist() == [True, False]


def test_large_object_that_fills_the_patch_is_no_background():
    result = VisibilityRule(0.7, 0.2)(target_of([[0, 0, 100, 100]]), [40, 40], [20, 20])
    assert result.ignored.tolist() == [True]
    assert result.boxes.tolist() == [[0, 0, 20, 20]]


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="drop_fraction"):
        VisibilityRule(keep_fraction=0.2, drop_fraction=0.3)
