from __future__ import annotations

import logging
import random
import warnings
from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import ignite.distributed as idist
import numpy as np
import torch
from ignite.engine import Engine, Events

from medtk_monai.atomic import remove_leftovers, replacing
from medtk_monai.bundle.checkpoint import NOTES, PROGRESS, network_state, read_checkpoint
from medtk_monai.errors import DataError, OutputError
from medtk_monai.handlers.detection_metric import key_metric_name
from medtk_monai.handlers.stop_signals import StopSignals
from medtk_monai.model import ModelWriter

logger = logging.getLogger(__name__)
BEST, LAST = "best.pt", "last.pt"
_GO_ON = "go on by the same command and --resume auto"


class Stateful(Protocol):
    """A network, optimizer, schedule, scaler, ..."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: Any) -> Any: ...


@runtime_checkable
class GoesOnWithin(Protocol):
    """A loader that can begin within an epoch, and give what it would have given from there on; see PatchLoader."""

    def __len__(self) -> int: ...

    def go_on_within(self, epoch: int, batches: int) -> None: ...


class Checkpoints:
    """Writes ``last.pt`` after each epoch and ``best.pt`` after the best validation, and lets a training go on from such a file.

    A training that is asked to stop, by SIGTERM, SIGUSR1 or Ctrl-C, ends its step, writes ``last.pt`` within the epoch, and exits with 143,
    138 or 130; one of a loader that cannot begin within an epoch keeps that of the epoch before. A validation is broken off and begins again,
    but that of several processes comes to its end first.

    A checkpoint holds the states of all objects, and under "progress" the epoch, the iteration, the best metric, and the states of the
    random number generators of each process: what goes on from it is what an uninterrupted training would have been. Under "notes" it
    says what those who use the network later need to know. Files are replaced as a whole, by the first process only, and loaded with
    ``weights_only``.

    Args:
        folder: of the files.
        objects: what has a state, by name.
        evaluator: of the validation; its key metric, the larger the better, tells the best. None for no best.
        resume: "none" starts anew; "auto" goes on from the folder's ``last.pt``, if there is one; anything else is the path of a
            checkpoint to go on from.
        notes: numbers, words, lists and dictionaries to write into each checkpoint.
        model: written with the weights of each ``best.pt``, and of the end where no validation has told the best; its own notes come too.

    Raises:
        DataError: a checkpoint cannot be read, or is of another configuration or of epochs of another length.
    """

    def __init__(
        self,
        folder: str,
        objects: Mapping[str, Stateful],
        evaluator: Engine | None = None,
        resume: str = "none",
        notes: Mapping[str, Any] | None = None,
        model: ModelWriter | None = None,
    ):
        self.folder, self.objects, self.evaluator, self.resume = Path(folder), dict(objects), evaluator, resume
        self.notes, self.model = {**(notes or {}), **(model.notes if model else {})}, model
        self._best: float | None = None
        self._signals = StopSignals()
        self._after_steps: dict[str, Any] | None = None

    def attach(self, engine: Engine) -> None:
        """To a trainer, after the handlers whose work of an epoch a checkpoint should include."""
        engine.add_event_handler(Events.STARTED, self._restore)
        self._signals.attach(engine)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._stop_if_asked)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._save, LAST)
        if self.evaluator is not None:
            self.evaluator.add_event_handler(Events.ITERATION_COMPLETED, self._stop_validation_if_asked, engine)
            self.evaluator.add_event_handler(Events.COMPLETED, self._save_if_best, engine)
        engine.add_event_handler(Events.COMPLETED, self._leave_model)

    def _save_if_best(self, evaluator: Any, trainer: Engine) -> None:
        value = evaluator.state.metrics.get(evaluator.state.key_metric_name)
        if value is not None and (self._best is None or isnan(self._best) or value > self._best):
            self._best = float(value)
            self._save(trainer, BEST)

    def _begin_model(self) -> None:
        if self.model is not None and idist.get_rank() == 0:
            self.model.begin()

    def _leave_model(self, trainer: Engine) -> None:
        """A model of a training that has written none, as no validation has told the best."""
        if self.model is not None and idist.get_rank() == 0 and self.model.is_wanted:
            path = self.folder / (BEST if self._best is not None and (self.folder / BEST).is_file() else LAST)
            if not path.is_file():  # nothing was left to do for a training that goes on in another folder
                path = Path(self.resume)
            content = read_checkpoint(path)
            self.model.write(network_state(content, path), content[PROGRESS])

    @property
    def _key_metric(self) -> str | None:
        """Name of the figure that tells the best; the best of another figure is no match for it."""
        return None if self.evaluator is None else key_metric_name(self.evaluator)

    def _stop_if_asked(self, trainer: Engine) -> None:
        """At the end of a step."""
        steps = _steps_of_epoch(trainer)
        self._after_steps = random_states() if steps == trainer.state.epoch_length else None
        asked = self._signals.anywhere()
        if asked and _can_go_on_within(trainer):
            self._save(trainer, LAST, trainer.state.epoch - 1)
            told = f"after step {steps} of epoch {trainer.state.epoch}: {self.folder / LAST} is written"
            self._signals.stop([trainer], asked, f"{told} -- {_GO_ON}")
        elif asked:
            kept = f"{self.folder / LAST} is of the epoch before" if (self.folder / LAST).is_file() else "there is no checkpoint yet"
            self._signals.stop([trainer], asked, f"in epoch {trainer.state.epoch}, whose steps are lost: {kept} -- {_GO_ON}")

    def _stop_validation_if_asked(self, evaluator: Engine, trainer: Engine) -> None:
        """Between two cases of a validation: where the training goes on, it begins again."""
        if self._signals.here and self._after_steps is not None and idist.get_world_size() == 1 and _can_go_on_within(trainer):
            self._save(trainer, LAST, trainer.state.epoch - 1, self._after_steps)
            told = f"in the validation of epoch {trainer.state.epoch}: {self.folder / LAST} is written"
            self._signals.stop([evaluator, trainer], self._signals.here, f"{told} -- {_GO_ON}")

    def _save(self, trainer: Engine, name: str, epoch: int | None = None, random: dict[str, Any] | None = None) -> None:
        """Write a checkpoint.

        Args:
            epoch: the last that is complete; None for that of the trainer.
            random: states of the random number generators; None for the present ones.
        """
        states = idist.all_gather(random or random_states())
        if idist.get_rank() != 0:
            return
        progress = {
            "epoch": trainer.state.epoch if epoch is None else epoch,
            "iteration": trainer.state.iteration,
            "epoch_length": trainer.state.epoch_length,
            "best_metric": self._best,
            "key_metric": self._key_metric,
            "random": states,
        }
        content = {key: part.state_dict() for key, part in self.objects.items()}
        try:
            with replacing(self.folder / name) as temporary, temporary.open("wb") as file:
                torch.save(content | {PROGRESS: progress, NOTES: self.notes}, file)
            if name == BEST and self.model is not None:
                self.model.write(network_state(content, name), progress)
        except OutputError as error:
            remedy = "free space, or choose another output_dir; the last whole checkpoint is still there"
            raise OutputError(error.what, remedy=remedy) from error

    def _tidy(self) -> None:
        """Remove what killed trainings have left."""
        for folder in (self.folder, *([] if self.model is None else [self.model.folder])):
            remove_leftovers(folder)

    def _restore(self, trainer: Any) -> None:
        self._tidy()
        path = self.folder / LAST if self.resume == "auto" else Path(self.resume)
        if self.resume == "none" or (self.resume == "auto" and not path.exists()):
            self._begin_model()
            return
        content = read_checkpoint(path)
        try:
            progress = content[PROGRESS]
            if progress["epoch_length"] != trainer.state.epoch_length:
                raise _other_length(path, progress["epoch_length"], trainer.state.epoch_length)
            _set_place(trainer, progress["epoch"], progress["iteration"])
            for name, part in self.objects.items():
                part.load_state_dict(content[name])
            if (self.folder / BEST).exists() and progress.get("key_metric") in (None, self._key_metric):
                self._best = progress["best_metric"]
            if len(progress["random"]) == idist.get_world_size():
                set_random_states(progress["random"][idist.get_rank()])
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            what = f"checkpoint {path} does not fit this training: {type(error).__name__}: {error}".splitlines()[0]
            raise DataError(what, remedy="use the configuration it was made with, or --resume none") from error
        logger.info("going on from %s, after epoch %d", path, progress["epoch"])


def _steps_of_epoch(trainer: Engine) -> int:
    return trainer.state.iteration - (trainer.state.epoch - 1) * (trainer.state.epoch_length or 0)


def _can_go_on_within(trainer: Engine) -> bool:
    return isinstance(trainer.state.dataloader, GoesOnWithin)


def _set_place(trainer: Engine, epoch: int, iteration: int) -> None:
    """Let a trainer that is starting go on after an epoch, or within the next one, of which even all steps may be done.

    Raises:
        DataError: its loader cannot begin within an epoch.
    """
    trainer.state.epoch, trainer.state.iteration = epoch, epoch * (trainer.state.epoch_length or 0)
    steps = iteration - trainer.state.iteration
    if not steps:
        return
    loader = trainer.state.dataloader
    if not isinstance(loader, GoesOnWithin):
        what = f"the checkpoint lies within epoch {epoch + 1}, and a {type(loader).__name__} cannot begin there"
        raise DataError(what, remedy="train by a PatchLoader, or go on from best.pt")
    loader.go_on_within(epoch, steps if steps < (trainer.state.epoch_length or 0) else len(loader))
    warnings.filterwarnings("ignore", message="Data iterator can not provide data anymore")  # if all steps of the epoch are done

    left = [iteration]

    def skip(trainer: Engine) -> None:
        # Not before: an engine that has all its steps behind it would not begin the epoch whose validation is left.
        if left:
            trainer.state.iteration = left.pop()

    trainer.add_event_handler(Events.EPOCH_STARTED, skip)


def _other_length(path: Path, then: int, now: int) -> DataError:
    what = f"checkpoint {path} was made with {then} steps per epoch, and this training has {now}"
    return DataError(what, remedy="keep the data, batch_size, samples_per_case and number of processes, or start anew with --resume none")


def random_states() -> dict[str, Any]:
    """The states of all global random number generators, as tensors and plain values."""
    kind, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [kind, torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, gauss],
        "python": list(random.getstate()[1]),
    }


def set_random_states(states: Mapping[str, Any]) -> None:
    """What ``random_states`` has told, on as many devices as there are."""
    torch.set_rng_state(states["torch"])
    if torch.cuda.is_available() and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])
    kind, keys, *rest = states["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))
    random.setstate((3, tuple(states["python"]), None))
