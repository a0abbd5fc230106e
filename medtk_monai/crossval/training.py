"""Trainings of folds, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from time import perf_counter
from typing import BinaryIO

from medtk_monai.atomic import make_folder, write_text_atomically
from medtk_monai.crossval.folds import BEST, FINISHED, LAST, LOG, CrossValidation
from medtk_monai.errors import DataError

FAILED = "failed.txt"
"""The log of a training that failed before its first checkpoint: other settings may follow it."""
Run = Callable[[Sequence[str], Path], int]
"""Runs a program, whose output goes to the end of a file, and gives its exit status."""


def train_folds(validation: CrossValidation, folds: Sequence[int], tell: Callable[[str], None], run: Run | None = None) -> list[int]:
    """Train folds one after another; those that are finished are left as they are, those begun go on where they were cut off.

    A training that fails does not keep the others from being done.

    Args:
        tell: is given a line for each beginning and end of a fold.
        run: how to run a training; as a process of this machine unless given.

    Returns:
        The folds that failed.
    """
    failed = []
    for fold in folds:
        if validation.is_finished(fold):
            tell(f"fold {fold}: finished before")
        elif not _train(validation, fold, tell, run or run_logged):
            failed.append(fold)
    return failed


def run_logged(command: Sequence[str], log: Path) -> int:
    """Run a program with its output at the end of a file; its exit status. If this one is ended, so is that, in its own time.

    Raises:
        DataError: another program writes to this file.
    """
    with log.open("ab") as file:
        _lock(file)
        # In a session of its own: Ctrl-C reaches this process, which passes it on, once.
        program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            return program.wait()
        except BaseException:
            program.terminate()
            program.wait()
            raise


def _lock(file: BinaryIO) -> None:
    """Held as long as the program runs, which inherits the open file, even if this process is killed."""
    try:
        import fcntl  # which Windows lacks
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DataError(f"another process is training this fold: it writes {file.name}", remedy="wait for its end, or stop it") from error


def _train(validation: CrossValidation, fold: int, tell: Callable[[str], None], run: Run) -> bool:
    """Whether the training of a fold came to its end."""
    folder, start = validation.fold_folder(fold), perf_counter()
    make_folder(folder)
    log, last = folder / LOG, folder / LAST
    tell(f"fold {fold}: {'going on' if last.is_file() else 'training'}, see {log}")
    log.touch()
    status = run(validation.command(fold), log)
    seconds = perf_counter() - start
    if status or not (folder / BEST).is_file():
        log = log if last.is_file() else log.replace(folder / FAILED)
        tell(f"fold {fold}: failed (exit status {status}): {_last_line(log)}; see {log}")
        return False
    noted = {"ended": datetime.now(timezone.utc).isoformat(timespec="seconds"), "seconds": round(seconds, 1)}
    write_text_atomically(folder / FINISHED, json.dumps(noted) + "\n")
    tell(f"fold {fold}: finished after {seconds:.0f} s")
    return True


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
