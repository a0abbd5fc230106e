from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ignite.distributed as idist
from ignite.engine import Engine, Events

from medtk_monai.atomic import write_text_atomically
from medtk_monai.errors import OutputError
from medtk_monai.handlers.step_times import StepTimes
from medtk_monai.json_files import read_json

logger = logging.getLogger(__name__)


class RunCapsule:
    """Writes ``run.json`` after each epoch: what is needed to repeat a training, and how long it took.

    It holds the command, the configuration with all overrides, the versions of Python and of packages, the state of the git repository
    of the working directory, the number of cases of each split with a hash of their entries in the datalist, the seed, the device, and
    the times of each epoch. A training that goes on from a checkpoint keeps the times of the epochs before.

    Args:
        folder: of the file.
        times: of the same trainer.
        config: see ``running_config``.
        origin: see ``origin_of``.
    """

    def __init__(self, folder: str | os.PathLike, times: StepTimes, config: Mapping[str, Any], origin: Mapping[str, Any]):
        self.path, self.times = Path(folder) / "run.json", times
        self._content = {"command": sys.argv, **origin, "config": config}
        self._epochs: list[dict[str, float]] = []

    def attach(self, engine: Engine) -> None:
        """To a trainer, as the last of its handlers; what the others do at the end of an epoch counts as validation."""
        engine.add_event_handler(Events.STARTED, self._recall)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._write)

    def _recall(self, engine: Engine) -> None:
        """The epochs of the training that this one goes on from."""
        if engine.state.epoch and self.path.is_file():
            try:
                earlier = read_json(self.path, kind=dict)["epochs"]
                self._epochs = [times for times in earlier if times["epoch"] <= engine.state.epoch]
            except (ValueError, KeyError, TypeError) as error:
                logger.warning("%s is damaged (%s): the times of earlier epochs are lost", self.path, error)

    def _write(self, engine: Engine) -> None:
        self._epochs.append({name: round(value, 4) for name, value in self.times.finish(engine).items()})
        if idist.get_rank() == 0:
            try:
                write_text_atomically(self.path, json.dumps(self._content | {"epochs": self._epochs}, indent=1, default=str) + "\n")
            except OutputError as error:
                logger.warning("%s", error)
