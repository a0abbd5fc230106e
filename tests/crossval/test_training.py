"""Trainings by a stand-in that can be cut off, and one real process."""

import subprocess
import sys

import pytest

from medtk_monai.crossval import train_folds
from medtk_monai.crossval.training import run_logged
from medtk_monai.errors import DataError
from tests.crossval.planted import cross_validation


@pytest.fixture
def trainer():
    """A training of two epochs that goes on from last.pt: ``trainer.cut[fold]`` epochs are done before it is cut off."""
    return Trainer()


class Trainer:
    def __init__(self):
        self.cut, self.epochs = {}, []

    def __call__(self, command, log):
        values = dict(word[2:].split("=", 1) for word in command if word.startswith("--"))
        assert values["resume"] == "'auto'"
        fold, folder = int(values["fold"]), log.parent
        last = folder / "last.pt"
        done = int(last.read_text()) if last.exists() else 0
        for epoch in range(done, min(2, self.cut.get(fold, 2))):
            self.epochs.append((fold, epoch))
            last.write_text(str(epoch + 1))
            (folder / "best.pt").touch()
        if self.cut.get(fold, 2) < 2:
            log.write_text(f"epoch\nerror: out of memory in fold {fold}\n\n")
            return -9
        return 0


def test_a_fold_that_fails_stops_no_other_and_goes_on_later(tmp_path, trainer):
    validation, lines = cross_validation(tmp_path, num_folds=3), []
    trainer.cut = {1: 1}
    assert train_folds(validation, range(3), lines.append, trainer) == [1]
    assert validation.finished() == [0, 2] and validation.missing == [1]
    assert any("fold 1: failed (exit status -9): error: out of memory in fold 1; see" in line for line in lines)
    assert trainer.epochs == [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)]
    trainer.cut = {}
    assert train_folds(validation, range(3), lines.append, trainer) == []
    assert trainer.epochs[5:] == [(1, 1)] and validation.missing == []
    assert any(line.startswith("fold 1: going on") for line in lines) and "fold 0: finished before" in lines


def test_one_fold_alone(tmp_path, trainer):
    validation = cross_validation(tmp_path, num_folds=3)
    train_folds(validation, [2], lambda line: None, trainer)
    assert validation.finished() == [2] and {fold for fold, _ in trainer.epochs} == {2}


def test_settings_may_change_after_a_failure_before_the_first_checkpoint(tmp_path, trainer):
    validation = cross_validation(tmp_path, overrides={"patch_size": 0})
    validation.claim()
    trainer.cut = {0: 0}
    assert train_folds(validation, [0], lambda line: None, trainer) == [0]
    assert "out of memory" in (validation.fold_folder(0) / "failed.txt").read_text()
    cross_validation(tmp_path).claim()


def test_a_training_without_checkpoint_has_failed(tmp_path):
    assert train_folds(cross_validation(tmp_path), [0], lambda line: None, lambda command, log: 0) == [0]


def test_output_goes_to_the_end_of_the_log(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("before\n")
    code = "import sys; print('said'); sys.stderr.write('wrong\\n'); sys.stdout.flush(); sys.exit(3)"
    assert run_logged([sys.executable, "-S", "-c", code], log) == 3
    assert sorted(log.read_text().splitlines()[1:]) == ["said", "wrong"] and log.read_text().startswith("before\n")


def test_a_fold_is_not_trained_twice_at_once(tmp_path, monkeypatch):
    """A training outlives a killed process that started it, and so does its claim."""
    log, started, start = tmp_path / "log.txt", [], subprocess.Popen

    def start_and_die(command, **given):
        started.append(start(command, stdin=subprocess.PIPE, stdout=given["stdout"], stderr=given["stderr"]))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", start_and_die)
        with pytest.raises(KeyboardInterrupt):
            run_logged([sys.executable, "-S", "-c", "import sys; sys.stdin.read(); print('ended')"], log)
    with pytest.raises(DataError, match="another process is training this fold"):
        run_logged([sys.executable, "-S", "-c", "print('second')"], log)
    started[0].communicate()
    assert run_logged([sys.executable, "-S", "-c", "print('second')"], log) == 0
    assert log.read_text().split() == ["ended", "second"]
