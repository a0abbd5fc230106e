"""Every benchmark runs, and writes its figures with the machine's."""

import importlib
import json
from pathlib import Path

import pytest

from benchmarks.inference import save_checkpoint

NAMES = sorted(
    path.stem for path in (Path(__file__).parents[2] / "benchmarks").glob("*.py") if path.stem not in ("__init__", "timing", "load_data")
)
SMALL = {
    "nms": {"numbers": (60,)},
    "patches": {"side": 40, "patch": 16},
    "evaluation": {"cases": [(4, 20)]},
    "data_doctor": {"cases": (3, 6), "workers": (1,), "shape": (40, 36, 28)},
    "planning": {"cases": [(2, 32, 2)]},
    "phantom_realism": {"cases": 2, "patches": 16, "shape": (96, 96, 64), "network_steps": 2, "scan": "absent.nii.gz"},
    "load": {"scale": 0.04},
    "inference": {"sizes": [(40, 40, 36)], "compared": (40, 40, 36), "window": 64},
}


SLOW = ("inference", "margins", "evaluation", "data_doctor", "planning", "phantom_realism", "load")


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in NAMES])
def test_benchmark_runs(name, tmp_path, capsys, phantom):
    arguments = {"repeats": 1} | SMALL.get(name, {})
    if name == "margins":
        save_checkpoint(tmp_path / "random.pt")
        arguments = {"checkpoint": tmp_path / "random.pt", "dataset_dir": phantom(3), "cases": 1, "margins": (0,)}
    importlib.import_module(f"benchmarks.{name}").main(out=str(tmp_path / "figures.json"), **arguments)
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["rows"] and {"device", "threads", "torch"} <= set(figures["machine"])
    assert len(capsys.readouterr().out.splitlines()) == len(figures["rows"])
