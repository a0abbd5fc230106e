from __future__ import annotations

from collections.abc import Sequence

import torch.distributed as dist
from ignite.engine import Engine, Events
from torch import nn


class ShareBuffers:
    """Gives all processes the first one's statistics of batch norm at the end of an epoch: they validate the network that is saved.

    Args:
        networks: whose buffers are shared.
    """

    def __init__(self, networks: Sequence[nn.Module]):
        self.networks = list(networks)

    def attach(self, engine: Engine) -> None:
        """To a trainer, before the handler that validates."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        if dist.is_initialized():
            for network in self.networks:
                for buffer in network.buffers():
                    dist.broadcast(buffer, 0)
