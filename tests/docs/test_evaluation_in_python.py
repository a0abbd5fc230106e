"""The lines of docs/evaluation.md "In Python" run as they stand."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import medtk_monai
from tests.evaluation.small_set import around, write_found, write_set

PAGE = Path(medtk_monai.__file__).parents[1] / "docs" / "evaluation.md"


def test_the_page_runs(tmp_path, monkeypatch):
    lesion = around((12, 10, 8), (6, 6, 8))
    write_set(tmp_path, {"a": [lesion], "b": []})
    write_found(tmp_path / "predictions.json", {"a": [(lesion, 0.9)], "b": [(lesion, 0.5)]})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=lambda rows, columns: rows))
    (code,) = re.findall(r"## In Python\n\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    known: dict = {}
    exec(code, known)  # noqa: S102
    assert known["evaluation"].froc_mean.value == 1 and known["point"].tp == 1 and (tmp_path / "evaluation" / "metrics.json").is_file()
