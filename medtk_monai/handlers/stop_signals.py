from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Sequence
from threading import current_thread, main_thread
from types import FrameType
from typing import Any

import ignite.distributed as idist
from ignite.engine import Engine, Events

from medtk_monai.engines.processes import leave_processes

_NAMES = ("SIGTERM", "SIGINT", "SIGUSR1")
"""Of the signals by which clusters and people ask a training to stop; Windows lacks the last."""
_NONE = 0


class StoppedBySignal(SystemExit):
    """Ends a program whose training has been asked to stop, with the status that shells give to such a signal."""


class StopSignals:
    """Notes that a process has been asked to stop, so that its training can do it where nothing is lost.

    The first signal is noted; the second does what it would have done without this. Only the main thread of a program can listen: a training
    in another one hears nothing.
    """

    def __init__(self) -> None:
        self._received = _NONE
        self._previous: dict[int, Any] = {}

    def listen(self) -> None:
        """From now on signals are noted."""
        self._received = _NONE
        if current_thread() is main_thread() and not self._previous:
            numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
            self._previous = {number: signal.signal(number, self._note) for number in numbers}

    def leave(self) -> None:
        """Signals do again what they did before."""
        for number, previous in self._previous.items():
            signal.signal(number, signal.SIG_DFL if previous is None else previous)
        self._previous = {}

    def attach(self, engine: Engine) -> None:
        """To a trainer: while it runs, signals are noted."""
        engine.add_event_handler(Events.STARTED, lambda _: self.listen())
        engine.add_event_handler(Events.COMPLETED, lambda _: self.leave())
        engine.add_event_handler(Events.EXCEPTION_RAISED, self._fail)

    @property
    def here(self) -> int:
        """The number of the signal that this process has received, or 0."""
        return self._received

    def anywhere(self) -> int:
        """That of this process or of one that trains with it; all have to ask, and get the same answer."""
        if idist.get_world_size() == 1:
            return self._received
        return int(idist.all_reduce(self._received, "MAX"))

    def stop(self, engines: Sequence[Engine], number: int, told: str) -> None:
        """End the program, of all processes together.

        Args:
            engines: that are running.

        Raises:
            StoppedBySignal: always.
        """
        idist.barrier()  # torchrun ends all when the first is gone, perhaps while another still writes
        if idist.get_rank() == 0:
            sys.stderr.write(f"stopped by {signal.Signals(number).name} {told}\n")
            sys.stderr.flush()
        leave_processes()
        error = StoppedBySignal(128 + number)
        for engine in engines:
            engine.logger.addFilter(_other_than(error))
        raise error

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._received = number
        self.leave()

    def _fail(self, engine: Engine, error: BaseException) -> None:
        self.leave()
        raise error


def _other_than(error: BaseException) -> Callable[[logging.LogRecord], bool]:
    """Keeps Ignite from telling an end on demand as a failure."""
    return lambda record: not record.getMessage().endswith(f"terminating due to exception: {error}")
