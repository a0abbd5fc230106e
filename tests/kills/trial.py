"""One job that is killed again and again, until it comes to its end."""

import os
import signal
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tests.kills.running import leftovers, start, stop_when, wait

SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "usr1": signal.SIGUSR1}
ENDED_BY_SIGNAL = 60.0


@dataclass
class Tally:
    """What came of the kills of a job.

    Args:
        kills: by kind.
        trials: jobs that came to their end.
        wrong: results that differ from the unbroken job's, lines.
        left: files that were left unfinished after the end, lines.
        failed: starts that ended in an error, the last lines of what they printed.
    """

    kills: Counter = field(default_factory=Counter)
    trials: int = 0
    wrong: list = field(default_factory=list)
    left: list = field(default_factory=list)
    failed: list = field(default_factory=list)


def unbroken(job, folder, log):
    """The job without any kill; seconds that it took.

    Raises:
        RuntimeError: it fails.
    """
    begin = monotonic()
    code = wait(start(lambda: job.call(folder), log))
    if code:
        raise RuntimeError(f"the unbroken job fails with {code}: {Path(log).read_text()[-3000:]}")
    return monotonic() - begin


def trial(job, folder, seconds, rng, tally, kinds=("kill",), twice=1, most=8):
    """Kills a job up to ``most`` times, then lets it end and counts.

    Args:
        seconds: that the unbroken job takes.
        kinds: of signals.
        twice: processes that do the job at once.
    """
    log = folder.with_suffix(".log")
    log.unlink(missing_ok=True)
    for _ in range(rng.randrange(1, most + 1)):
        children = [start(lambda: job.call(folder), log) for _ in range(twice)]
        kind = rng.choice(kinds)
        ready = _writing(folder) if rng.random() < 0.4 else _later(rng.uniform(0, seconds))
        killed = stop_when(children[0], SIGNALS[kind], ready)
        code = wait(children[0], ENDED_BY_SIGNAL)
        tally.kills[kind] += int(killed)
        for other in children[1:]:
            _note(tally, wait(other), log)
        if not killed:
            _note(tally, code, log)
            break
        if kind != "kill" and "Traceback" in log.read_text():
            tally.failed.append(f"after {kind}: {log.read_text()[-600:]}")
    else:
        _note(tally, wait(start(lambda: job.call(folder), log)), log)
    tally.trials += 1


def judge(job, folder, reference, tally):
    """Compares the end with the unbroken job's."""
    tally.left += leftovers(folder)
    try:
        tally.wrong += job.compare(folder, reference)
    except Exception as error:  # noqa: BLE001
        tally.wrong.append(f"{type(error).__name__}: {error}")


def _note(tally, code, log):
    if code:
        tally.failed.append(f"exit {code}: {Path(log).read_text()[-1500:]}")


def _later(seconds):
    end = monotonic() + seconds
    return lambda: monotonic() >= end


def _writing(folder):
    """Whether a file is just being written."""

    def ready():
        for _, folders, names in os.walk(folder):
            if any(name.endswith(".tmp") for name in names) or any(name.startswith(".unfinished") for name in folders):
                return True
        return False

    return ready
