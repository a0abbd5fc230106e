from __future__ import annotations

import logging
from typing import Any

from ignite.engine import Engine, Events

from medtk_monai.handlers.detection_metric import key_metric_name

logger = logging.getLogger(__name__)


class EarlyStop:
    """Ends a training when its validations do not get better any more.

    Ignite's EarlyStopping needs the trainer before there is one in a configuration, where the trainer is given its handlers.

    Args:
        evaluator: of the validation; its key metric, the larger the better, is watched.
        patience: validations in a row without a better one, 1 or more, after which the training ends; None never ends it.
        min_delta: better is what exceeds the best so far by more than this.

    Raises:
        ValueError: a patience below 1.
    """

    def __init__(self, evaluator: Engine, patience: int | None = None, min_delta: float = 0.0):
        if patience is not None and patience < 1:
            raise ValueError(f"patience {patience} must be 1 or more, or None")
        self.evaluator, self.patience, self.min_delta = evaluator, patience, min_delta
        self._best: float | None = None
        self._waited = 0
        self._trainer: Engine | None = None

    def attach(self, engine: Engine) -> None:
        """To a trainer."""
        if self.patience is not None:
            self._trainer = engine
            self.evaluator.add_event_handler(Events.COMPLETED, self._watch)

    def _watch(self, evaluator: Any) -> None:
        value = float(evaluator.state.metrics[evaluator.state.key_metric_name])
        if self._best is None or value > self._best + self.min_delta:
            self._best, self._waited = value, 0
            return
        self._waited += 1
        self._end_if_due()

    def _end_if_due(self) -> None:
        if self._trainer is not None and self.patience is not None and self._waited >= self.patience:
            logger.info("no better validation than %.3f in the last %d: the training ends", self._best, self._waited)
            self._trainer.terminate()

    def state_dict(self) -> dict[str, Any]:
        """The best metric, and how many validations ago it was."""
        return {"best": self._best, "waited": self._waited, "key_metric": key_metric_name(self.evaluator)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """What ``state_dict`` has told, unless that is of another figure. A training that ended so ends again, if it is starting."""
        if state.get("key_metric") not in (None, key_metric_name(self.evaluator)):
            return
        self._best, self._waited = state["best"], state["waited"]
        self._end_if_due()
