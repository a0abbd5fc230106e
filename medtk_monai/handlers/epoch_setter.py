from __future__ import annotations

from typing import Protocol

from ignite.engine import Engine, Events


class EpochSampler(Protocol):
    """A sampler whose order depends on the epoch."""

    def set_epoch(self, epoch: int) -> None: ...


class EpochSetter:
    """Tells a sampler the epoch, counted from 0, before the trainer draws from it.

    Args:
        sampler: of the training loader.
    """

    def __init__(self, sampler: EpochSampler):
        self.sampler = sampler

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        self.sampler.set_epoch(engine.state.epoch - 1)
