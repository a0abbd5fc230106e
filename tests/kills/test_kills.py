"""Killed jobs leave what unbroken ones leave; a hundred kills of each are counted by ``python -m tests.kills``."""

import random
import time

import pytest

from tests.kills.__main__ import kill
from tests.kills.jobs import JOBS, Job, compare_trees, make_data
from tests.kills.trial import Tally, judge, trial, unbroken

KILLS = {"crossval": 1}


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("kills"))


@pytest.mark.slow
@pytest.mark.parametrize("name", JOBS)
def test_killed_and_taken_up_again(name, data):
    tally = kill(name, data, KILLS.get(name, 4))
    assert (tally.wrong, tally.left, tally.failed) == ([], [], [])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["term", "usr1"])
def test_trainings_that_are_asked_to_end(kind, data):
    tally = kill("training", data, 2, kinds=(kind,))
    assert (tally.wrong, tally.left, tally.failed) == ([], [], [])


def _slowly(half):
    """A job that writes ten files, and whether it writes each in two halves under its own name."""

    def call(out):
        out.mkdir(exist_ok=True)
        for number in range(10):
            path = out / f"{number}.txt"
            if not path.exists():
                with (path if half else out / f".{number}.tmp").open("w") as file:
                    for part in ("a", "b"):
                        file.write(part)
                        file.flush()
                        time.sleep(0.02)
                if not half:
                    (out / f".{number}.tmp").rename(path)

    return Job(call, compare_trees)


@pytest.mark.parametrize("half", [False, True])
def test_half_written_files_are_seen(half, tmp_path):
    """A job whose files appear whole is right however often it is killed, one whose files do not is found out."""
    job, tally = _slowly(half), Tally()
    seconds = unbroken(job, tmp_path / "reference", tmp_path / "log")
    for number in range(30):
        trial(job, tmp_path / f"out{number}", seconds / 2, random.Random(number), tally)
        judge(job, tmp_path / f"out{number}", tmp_path / "reference", tally)
        if sum(tally.kills.values()) >= 6 and (tally.wrong or not half):
            break
    assert tally.kills["kill"] >= 6 and not tally.failed
    assert bool(tally.wrong) == half
