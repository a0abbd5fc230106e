"""Damaged inputs end in a result, or in one line: those that once did not, and for some seconds new ones."""

from pathlib import Path

import pytest

from tests.fuzz.__main__ import fuzz
from tests.fuzz.readers import READERS
from tests.fuzz.worker import Outcome, Worker, replay

CORPUS = sorted(path for path in (Path(__file__).parent / "corpus").glob("*/*") if path.is_dir())
TRAINED = ("model", "model_zip", "checkpoint", "run", "output")
"""Readers whose inputs take a training."""


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=pytest.mark.slow if path.parent.name in TRAINED else ()) for path in CORPUS],
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_what_was_found_is_mended(path):
    outcome = replay(path.parent.name, path)
    assert not outcome.is_fault, outcome.text


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_nothing_new_is_found(name, tmp_path):
    _, faults = fuzz(name, 30, seed=1, out=tmp_path)
    assert not faults, list(faults)


def test_faults_are_seen(tmp_path, monkeypatch):
    """An error, a death and a hang each count as a fault, and the reader goes on behind them; an error of the product's own counts as told."""
    from medtk_monai.errors import DataError
    from tests.fuzz import readers, worker

    def read(root):
        word = (root / "a.txt").read_text()
        if word == "told":
            raise DataError("wrong")
        exec(
            {
                "error": "1 / 0",
                "death": "import os; os.kill(os.getpid(), 9)",
                "busy": "while True: pass",
                "asleep": "import time; time.sleep(60)",
                "fine": "pass",
            }[word]
        )

    monkeypatch.setattr(worker, "SECONDS", 1)
    monkeypatch.setattr(worker, "WAITING", 3)
    words = ("fine", "told", "error", "death", "busy", "asleep", "fine")
    monkeypatch.setitem(
        READERS, "odd", readers.Reader(lambda root: (root / "a.txt").write_text("fine"), lambda root: readers.told(lambda: read(root)))
    )
    odd = Worker("odd", tmp_path / "w")
    found = []
    for word in words:
        (odd.folder / "seed/a.txt").write_text(word)
        found.append(odd(-1))
    odd.close()
    assert [outcome.kind for outcome in found] == ["read", "read", "error", "died", "hang", "hang", "read"]
    assert isinstance(found[0], Outcome) and "ZeroDivisionError" in found[2].text
