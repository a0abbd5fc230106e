from __future__ import annotations

import logging
import sys
from collections import defaultdict
from math import isfinite, nan
from time import monotonic
from typing import Any

from ignite.engine import Engine, Events
from tqdm import tqdm

from medtk_monai.engines.steps import LOSS, PARTS

logger = logging.getLogger(__name__)


class TrainingProgress:
    """One line per epoch with the mean of each loss part, the learning rate, the time left and the latest validation figures.

    On a terminal a bar moves within the epoch as well.

    Args:
        evaluator: the validation engine, whose metrics appear in the line; None for no validation.
    """

    def __init__(self, evaluator: Engine | None = None):
        self.evaluator = evaluator
        self._bar: tqdm | None = None
        self._sums: dict[str, float] = {}
        self._counted = 0
        self._started = (0.0, 0)

    def attach(self, engine: Engine) -> None:
        """Report the epochs of a trainer."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.EPOCH_STARTED, self._start_epoch)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._count)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._finish_epoch)

    def _start(self, engine: Engine) -> None:
        self._started = (monotonic(), engine.state.iteration)

    def _start_epoch(self, engine: Engine) -> None:
        self._sums, self._counted = defaultdict(float), 0
        if sys.stderr.isatty():
            self._bar = tqdm(total=engine.state.epoch_length, desc=f"epoch {engine.state.epoch}", unit="step", leave=False)

    def _count(self, engine: Engine) -> None:
        output: Any = engine.state.output
        if isfinite(output[LOSS]):
            self._counted += 1
            for name, value in {LOSS: output[LOSS], **output[PARTS]}.items():
                self._sums[name] += float(value)
        if self._bar is not None:
            self._bar.set_postfix(loss=f"{float(output[LOSS]):.3f}", refresh=False)
            self._bar.update()

    def _finish_epoch(self, engine: Any) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        state: Any = engine.state
        means = {name: total / self._counted for name, total in self._sums.items()} or {LOSS: nan}
        parts = ", ".join(f"{name} {value:.3f}" for name, value in means.items() if name != LOSS)
        line = f"epoch {state.epoch}/{state.max_epochs} | loss {means[LOSS]:.3f} ({parts})"
        line += f" | lr {engine.optimizer.param_groups[0]['lr']:.2e} | {self._time_left(state)} left"
        if getattr(state, "skipped_steps", 0):
            line += f" | {state.skipped_steps} steps left out, not finite"
        if self.evaluator is not None and self.evaluator.state.metrics:
            line += " | val " + ", ".join(f"{name} {value:.3f}" for name, value in self.evaluator.state.metrics.items())
        logger.info(line)

    def _time_left(self, state: Any) -> str:
        began, first = self._started
        pace = (monotonic() - began) / max(state.iteration - first, 1)
        seconds = int(pace * (state.max_epochs * state.epoch_length - state.iteration))
        return f"{seconds // 60}:{seconds % 60:02d}"


class EvaluationProgress:
    """A bar over the cases on a terminal, a line at the end elsewhere.

    Args:
        name: what is being evaluated.
    """

    def __init__(self, name: str = "evaluation"):
        self.name = name
        self._bar: tqdm | None = None
        self._began = 0.0

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.EPOCH_STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._count)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._finish)

    def _start(self, engine: Engine) -> None:
        self._began = monotonic()
        self._bar = tqdm(total=engine.state.epoch_length, desc=self.name, unit="case", leave=False, disable=not sys.stderr.isatty())

    def _count(self, engine: Engine) -> None:
        if self._bar is not None:
            self._bar.update()

    def _finish(self, engine: Engine) -> None:
        if self._bar is not None:
            self._bar.close()
        logger.debug("%s of %d batches took %.1f s", self.name, engine.state.epoch_length, monotonic() - self._began)


def tensorboard_values(output: dict) -> dict[str, float]:
    """Output of ``TrainStep`` -> scalars for MONAI's TensorBoardStatsHandler."""
    return {LOSS: float(output[LOSS]), **{f"loss/{name}": float(value) for name, value in output[PARTS].items()}}
