from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


class AveragedNetwork:
    """A moving average of a network's weights over its steps, to be evaluated in its place; batch norm's statistics included.

    After Polyak and Juditsky, Acceleration of stochastic approximation by averaging, SIAM J. Control Optim. 30 (1992), with weights
    that fall exponentially. Step n enters with ``max(momentum, 9 / (10 + n))``, so that the first weights are soon forgotten.

    Args:
        network: in training, as it is without wrappers.
        momentum: share of the newest weights, in (0, 1], e.g. 0.002; None keeps no average.

    Raises:
        ValueError: a momentum out of range.
    """

    def __init__(self, network: nn.Module, momentum: float | None = None):
        if momentum is not None and not 0 < momentum <= 1:
            raise ValueError(f"momentum {momentum} lies outside (0, 1]")
        self._source = network
        self._average = None
        if momentum is not None:
            self._average = AveragedModel(network, multi_avg_fn=partial(_move_average, momentum), use_buffers=True).eval()
        self.network: nn.Module = network if self._average is None else self._average.module
        """What to evaluate: the average, or the network itself where none is kept."""

    def attach(self, engine: Engine) -> None:
        """To a trainer."""
        if self._average is not None:
            engine.add_event_handler(Events.ITERATION_COMPLETED, self._average.update_parameters, self._source)

    def state_dict(self) -> dict[str, Any]:
        """Weights of the average, and the number of steps in it; empty where none is kept."""
        if self._average is None:
            return {}
        return {"network": self.network.state_dict(), "steps": int(self._average.n_averaged)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """What ``state_dict`` has told. From a checkpoint without an average, one begins anew with the next step."""
        if self._average is not None and state:
            self.network.load_state_dict(state["network"])
            self._average.n_averaged.fill_(state["steps"])


def _move_average(momentum: float, averaged: Sequence[Tensor], current: Sequence[Tensor], steps: Tensor) -> None:
    if torch.is_floating_point(averaged[0]):
        torch._foreach_lerp_(list(averaged), list(current), max(momentum, 9 / (10 + int(steps))))
    else:  # counters
        torch._foreach_copy_(list(averaged), list(current))
