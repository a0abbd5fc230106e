"""What is chosen within a budget."""

import logging
from math import prod

import pytest
import torch

from medtk_monai.formats import read_predictions
from medtk_monai.inferers import View, WindowedInferer
from medtk_monai.prediction import Predictor, Scan, ViewOptions
from medtk_monai.prediction import looks as views_module
from medtk_monai.prediction.looks import Speed, choose_look, measure_speed
from medtk_monai.prediction.run import predict_scans
from tests.inferers.marked import MarkNetwork, postprocessor
from tests.prediction.marked_scans import centers_of, parts, save_marked

SIZE = (64, 64, 64)


def inferer(margin=16):
    return WindowedInferer(postprocessor(), 64, margin, batch_size=2, stride=4, foreground_threshold=-1.0)


def cost(margin, views=1):
    """Voxels that are looked at."""
    windows, extent = inferer(margin).plan(SIZE)
    return len(windows) * prod(extent) * views * 1.15


@pytest.mark.parametrize(
    "seconds, views, margin",
    [
        (cost(16, 8), 8, 16),
        (cost(16, 8) - 1, 4, 16),
        (cost(16, 2) + 1, 2, 16),
        (cost(16, 1), 1, 16),
        (cost(16, 1) - 1, 1, 8),
        (cost(8, 1) - 1, 1, 4),
        (cost(4, 1) - 1, 1, 0),
    ],
)
def test_the_best_look_in_time_is_chosen(seconds, views, margin):
    look = choose_look(inferer(), ViewOptions(budget=1), SIZE, Speed(1.0, 4), seconds)
    assert len(look.inferer.views) == views and look.seconds <= seconds
    chosen = look.inferer.inferer
    assert set(chosen.margin) == {margin} and (chosen.batch_size, chosen.stride, chosen.foreground_threshold) == (4, 4, -1.0)


def test_more_than_all_time_is_told(caplog):
    with caplog.at_level(logging.WARNING):
        look = choose_look(inferer(), ViewOptions(budget=1), SIZE, Speed(1.0, 1), 5.0)
    assert set(look.inferer.inferer.margin) == {0} and "fastest look" in caplog.text


def test_the_look_is_recorded(tmp_path):
    save_marked(tmp_path / "scan.nii.gz")
    predict_scans(
        lambda: Predictor(parts(label_pairs=[(0, 1)]), ViewOptions(mirrors=2, scales=(1.0, 1.5))),
        [Scan("scan", str(tmp_path / "scan.nii.gz"))], tmp_path / "out", ("json",), {},
    )  # fmt: skip
    (case,) = read_predictions(tmp_path / "out" / "predictions.json")
    views = [{"flips": flips, "scale": scale} for scale in (1.0, 1.5) for flips in ([], [0])]
    assert case["look"] == {"views": views, "margin": 4, "batch_size": parts().inferer.batch_size}
    look = choose_look(inferer(), ViewOptions(budget=1), SIZE, Speed(1.0, 4), cost(8, 1))
    assert look.record == {"views": [{"flips": [], "scale": 1.0}], "margin": [8, 8, 8], "batch_size": 4}


def test_mirrors_that_are_asked_for_are_kept():
    look = choose_look(inferer(), ViewOptions(mirrors=4, budget=1), SIZE, Speed(1.0, 1), cost(4, 4))
    assert len(look.inferer.views) == 4 and set(look.inferer.inferer.margin) == {4}
    look = choose_look(inferer(), ViewOptions(mirrors=3, scales=(1.0, 1.5)), SIZE, None, None)
    assert [view.scale for view in look.inferer.views] == [1, 1, 1, 1.5, 1.5, 1.5] and look.inferer.views[1] == View((0,))
    assert look.inferer.inferer.margin == 16 and look.seconds is None and str(look).startswith("6 views, margin 16")


def test_speed_is_that_of_the_faster_go(monkeypatch):
    """Each call of the network takes 3, then 1, then 2 seconds on a clock of its own; the first one only warms up."""
    now, takes = [0.0], iter([3.0, 1.0, 2.0])
    monkeypatch.setattr(views_module, "perf_counter", lambda: now[0])

    def network(images):
        now[0] += next(takes)

    speed = measure_speed([network], inferer(), 1, SIZE, torch.device("cpu"))
    assert speed == Speed(1.0 / prod(inferer().plan(SIZE)[1]), 1)


def test_a_budget_does_not_change_what_is_found(tmp_path):
    world = save_marked(tmp_path / "scan.nii.gz")
    found = Predictor(parts(label_pairs=[(0, 1)]), ViewOptions(budget=600))(tmp_path / "scan.nii.gz")
    assert abs(centers_of(found.case) - world).max() < 1e-3
    assert found.look.startswith("8 views") and "calibrate" in found.seconds and type(parts().networks[0]) is MarkNetwork


@pytest.mark.parametrize("wrong", [{"mirrors": 0}, {"scales": ()}, {"scales": (0.0,)}, {"budget": 0.0}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValueError, match="mirrors are at least 1"):
        ViewOptions(**wrong)
