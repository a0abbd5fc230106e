"""Every benchmark runs, and writes its figures with the machine's."""

import importlib
import json
from pathlib import Path

import pytest

NAMES = sorted(path.stem for path in (Path(__file__).parents[2] / "benchmarks").glob("*.py") if path.stem not in ("__init__", "timing"))
SMALL = {"nms": {"numbers": (60,)}, "patches": {"side": 40, "patch": 16}}


@pytest.mark.parametrize("name", NAMES)
def test_benchmark_runs(name, tmp_path, capsys):
    importlib.import_module(f"benchmarks.{name}").main(out=str(tmp_path / "figures.json"), repeats=1, **SMALL.get(name, {}))
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["rows"] and {"device", "threads", "torch"} <= set(figures["machine"])
    assert len(capsys.readouterr().out.splitlines()) == len(figures["rows"])
