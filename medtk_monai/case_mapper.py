"""Many cases, one at a time or in several processes."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from medtk_monai.errors import DataError

_SERVE = "import sys; sys.path[:] = {path!r}; from medtk_monai.case_mapper import serve; serve()"
"""All that a process runs. Those of ``multiprocessing`` run the program of a user again, who may have no guard against that, or no file."""


@contextmanager
def case_mapper(workers: int, prepare: Callable[[], Any] | None = None) -> Iterator[Any]:
    """Something like ``map`` of one iterable that runs in processes, or in this one for fewer than two workers.

    Functions, cases and results must be picklable, and the functions be found in modules that can be imported: a process knows nothing of
    the program that has started it. Results come in the order of the cases; an error in a process is raised here, where its result is due.
    What is left to do when the block ends is left undone.

    Args:
        workers: number of processes.
        prepare: called once in each of them.

    Raises:
        DataError: by the map, if a process has been ended from outside.
    """
    if workers < 2:
        yield map
        return
    idle: SimpleQueue[_Worker] = SimpleQueue()
    started = [_start(prepare) for _ in range(workers)]
    for worker in started:
        idle.put(worker)

    def call(function: Callable[[Any], Any], case: Any) -> Any:
        worker = idle.get()
        try:
            return worker.call(function, case)
        finally:
            idle.put(worker)

    with ThreadPoolExecutor(workers, thread_name_prefix="cases") as pool:

        def mapped(function: Callable[[Any], Any], cases: Iterable[Any]) -> Iterator[Any]:
            waiting = [pool.submit(call, function, case) for case in cases]
            return (future.result() for future in waiting)

        try:
            yield mapped
        finally:
            for worker in started:
                worker.end()
            pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class _Worker:
    """A process that takes pickled pairs of a function and a case, and gives results or errors."""

    process: subprocess.Popen[bytes]

    def call(self, function: Callable[[Any], Any], case: Any) -> Any:
        try:
            pickle.dump((function, case), self.process.stdin)  # type: ignore[arg-type]
            self.process.stdin.flush()  # type: ignore[union-attr]
            is_error, result = pickle.load(self.process.stdout)  # type: ignore[arg-type]
        except (OSError, EOFError, pickle.UnpicklingError, ValueError) as error:
            what = "a process that works on cases was ended, perhaps for want of memory"
            raise DataError(what, remedy="try --num_workers 1") from error
        if is_error:
            raise result
        return result

    def end(self) -> None:
        """At once: what it is doing is not wanted any more."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]


def _start(prepare: Callable[[], Any] | None) -> _Worker:
    command = [sys.executable, "-c", _SERVE.format(path=sys.path)]
    # In a session of their own, so that Ctrl-C reaches the program alone, which ends them.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    pickle.dump(prepare, process.stdin)  # type: ignore[arg-type]
    process.stdin.flush()  # type: ignore[union-attr]
    return _Worker(process)


def serve() -> None:
    """The program of a process: cases from standard input until it ends, results to standard output; what else is printed goes to errors."""
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    prepare = pickle.load(source)
    if prepare is not None:
        prepare()
    while True:
        try:
            function, case = pickle.load(source)
        except EOFError:
            return
        _answer(function, case, target)


def _answer(function: Callable[[Any], Any], case: Any, target: Any) -> None:
    try:
        answer = pickle.dumps((False, function(case)))
    except Exception as error:
        answer = _told(error)
    with suppress(BrokenPipeError):
        target.write(answer)
        target.flush()


def _told(error: Exception) -> bytes:
    """An error, with words in its place where it cannot be pickled."""
    try:
        content = pickle.dumps((True, error))
        pickle.loads(content)
    except Exception:
        return pickle.dumps((True, RuntimeError(f"{type(error).__name__}: {error}")))
    return content
