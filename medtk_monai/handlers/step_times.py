from __future__ import annotations

from time import perf_counter
from typing import Any

from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents

PARTS = ("data_wait", "forward", "loss", "backward", "optimizer", "handlers", "validation")


class StepTimes:
    """Where the time of each epoch of a training goes, in seconds of the process that trains.

    ``data_wait`` is the time from asking for a batch until it is there; ``forward`` includes moving it to the device; ``handlers`` is
    what the handlers of a step take, and ``validation`` what those at the end of an epoch do. A GPU works on after the process has
    asked it to: there, whatever waits for it next takes its time too. All parts together are the epoch.
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        """Of each epoch so far: its number ``epoch``, ``steps``, and seconds of each part."""
        self._last = 0.0
        self._current: dict[str, float] = {}

    def attach(self, engine: Engine) -> None:
        """To a MONAI trainer, as the first of its handlers."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._start)
        ends = {
            Events.GET_BATCH_STARTED: "handlers",
            Events.GET_BATCH_COMPLETED: "data_wait",
            Events.ITERATION_STARTED: "handlers",
            IterationEvents.FORWARD_COMPLETED: "forward",
            IterationEvents.LOSS_COMPLETED: "loss",
            IterationEvents.BACKWARD_COMPLETED: "backward",
            IterationEvents.MODEL_COMPLETED: "optimizer",
        }
        for event, part in ends.items():
            engine.add_event_handler(event, self._end, part)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._close)

    def finish(self, engine: Any) -> dict[str, float]:
        """Counts the time since the end of the epoch's steps as validation, and returns the epoch's times; call it once, at its end."""
        self._end(engine, "validation")
        return self.epochs[-1]

    def _start(self, engine: Any) -> None:
        self._current = {"epoch": engine.state.epoch, "steps": 0} | dict.fromkeys(PARTS, 0.0)
        self._last = perf_counter()

    def _end(self, engine: Any, part: str) -> None:
        now = perf_counter()
        self._current[part] += now - self._last
        self._current["steps"] += part == "optimizer"
        self._last = now

    def _close(self, engine: Any) -> None:
        self._end(engine, "handlers")
        self.epochs.append(self._current)
