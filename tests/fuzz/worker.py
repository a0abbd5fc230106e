"""A child process that reads damaged inputs one after another, and what becomes of each."""

import json
import os
import random
import resource
import select
import shutil
import signal
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.mutate import mutate
from tests.fuzz.readers import READERS

SECONDS, WAITING, BYTES = 10, 60, 2 << 30
"""Of the CPU, and of the wall, that an input may take, and memory beside what the process has."""


@dataclass(frozen=True)
class Outcome:
    """What became of an input.

    Args:
        kind: "read", "told", or a fault: "error", "printed", "hang", "died".
        text: the traceback, or what else tells the fault.
        place: file and line where an error was raised in the package, by which faults are told apart.
    """

    kind: str
    text: str = ""
    place: str = ""

    @property
    def is_fault(self):
        """Whether the reader did wrong."""
        return self.kind not in ("read", "told")


class Worker:
    """Reads the inputs of one reader; one that hangs or dies is replaced.

    Args:
        name: of ``READERS``.
        folder: for the seed and the input at hand; it holds what was read last.
        seed: of the changes.
    """

    def __init__(self, name, folder, seed=0):
        self.name, self.folder, self.seed = name, Path(folder), seed
        self.input = self.folder / "input"
        (self.folder / "seed").mkdir(parents=True)
        READERS[name].make(self.folder / "seed")
        self.pid = None

    def __call__(self, number):
        """What becomes of an input, which is changed as the seed and its number say; -1 is the seed as it is."""
        if self.pid is None:
            self._start()
        os.write(self.to, f"{number}\n".encode())
        ready, _, _ = select.select([self.answers], [], [], WAITING)
        line = self.answers.readline() if ready else ""
        if line:
            return Outcome(**json.loads(line))
        if not ready:
            os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        self.pid = None
        return Outcome("died", f"exit {os.waitstatus_to_exitcode(status)}") if ready else Outcome("hang", f"more than {WAITING} s")

    def close(self):
        """Ends the process."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = None

    def _start(self):
        numbers, self.to = os.pipe()
        answers, back = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.to)
            os.close(answers)
            try:
                self._serve(os.fdopen(numbers), os.fdopen(back, "w"))
            finally:
                os._exit(3)
        os.close(numbers)
        os.close(back)
        self.answers = os.fdopen(answers, buffering=1)

    def _serve(self, numbers, answers):
        printed = self.folder / "printed"
        for stream in (1, 2):
            os.dup2(os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
        sys.stdout, sys.stderr = open(1, "w", closefd=False, errors="replace"), open(2, "w", closefd=False, errors="replace")  # noqa: SIM115
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, used + BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGPROF, _late)
        for number in numbers:
            make_input(self.name, self.folder / "seed", self.input, self.seed, int(number))
            os.truncate(printed, 0)
            outcome = look(self.name, self.input, printed)
            answers.write(json.dumps(outcome.__dict__) + "\n")
            answers.flush()


class Late(BaseException):
    """An input takes too long."""


def _late(*_):
    raise Late


def make_input(name, seed_folder, target, seed, number):
    """The files of a changed input; the same for equal arguments."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(seed_folder, target)
    if number < 0:
        return
    reader, rng = READERS[name], random.Random(f"{name}/{seed}/{number}")
    victims = reader.victims(target)
    for path in {rng.choice(victims) for _ in range(1 + int(rng.random() < 0.1))}:
        others = [other.read_bytes() for other in rng.sample(victims, min(2, len(victims)))]
        path.write_bytes(mutate(path.name, path.read_bytes(), rng, others))
    if reader.reseal is not None and rng.random() < 0.8:
        try:
            reader.reseal(target)
        except Exception:  # noqa: BLE001
            return  # damaged beyond that


def look(name, folder, printed=None):
    """What becomes of the input in a folder."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)  # of this process, as others may be busy
    try:
        READERS[name].read(folder)
    except Late as late:
        return Outcome("hang", "".join(traceback.format_exception(late))[-3000:], _place(late))
    except BaseException as error:  # noqa: BLE001
        return Outcome("error", "".join(traceback.format_exception(error))[-3000:], _place(error))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.flush()
        sys.stderr.flush()
    told = printed.read_text(errors="replace") if printed else ""
    if "Traceback (most recent call last)" in told:
        return Outcome("printed", told[-3000:], told.strip().splitlines()[-1][:120])
    if any(line.startswith("error: ") and _is_odd(line) for line in told.splitlines()):
        return Outcome("printed", told[-3000:], "an error with control characters")
    return Outcome("told" if "error: " in told else "read")


def _is_odd(line):
    return any(ord(sign) < 32 and sign != "\t" for sign in line)


def _place(error):
    """The innermost line of this package."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/medtk_monai/" in frame.filename]
    kind = type(error).__name__
    return f"{frames[-1].filename.rpartition('/medtk_monai/')[2]}:{frames[-1].lineno} {kind}" if frames else f"? {kind}"


def replay(name, overlay):
    """What becomes of the seed with the files of a folder over it."""
    with tempfile.TemporaryDirectory() as place:
        worker = Worker(name, Path(place) / "w")
        shutil.copytree(overlay, worker.folder / "seed", dirs_exist_ok=True)
        try:
            return worker(-1)
        finally:
            worker.close()
