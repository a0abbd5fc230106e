"""What to do when a device runs out of memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn

logger = logging.getLogger(__name__)
Job = TypeVar("Job")
Result = TypeVar("Result")


def run_within_memory(
    run: Callable[[Sequence[Job], torch.device], list[Result]],
    jobs: Sequence[Job],
    batch_size: int,
    device: torch.device,
    network: Any = None,
) -> list[Result]:
    """The results of all jobs, in their order: in batches, which are halved when the device runs out of memory.

    When a single job is too much for a GPU, a ``network`` that is a module goes to the CPU with all jobs that are left, and comes back at
    the end.

    Args:
        run: does a batch of jobs on a device.
        batch_size: jobs at once, at first.

    Raises:
        torch.OutOfMemoryError: a single job is too much, and there is no other device.
    """
    results: list[Result] = []
    with _able_to_move(network) as move:
        while len(results) < len(jobs):
            try:
                results += run(jobs[len(results) : len(results) + batch_size], device)
            except torch.OutOfMemoryError:
                if batch_size == 1 and (device.type == "cpu" or not isinstance(network, nn.Module)):
                    raise
                if batch_size > 1:
                    batch_size //= 2
                else:
                    device = torch.device("cpu")
                    move(device)
                logger.warning("out of memory: going on with batches of %d on %s", batch_size, device)
                torch.cuda.empty_cache()
    return results


@contextmanager
def _able_to_move(network: Any) -> Iterator[Callable[[torch.device], None]]:
    """A function that moves a network; at the end it returns to where it was."""
    home = next((weights.device for weights in network.parameters()), None) if isinstance(network, nn.Module) else None
    try:
        yield lambda device: network.to(device)
    finally:
        if home is not None and next(network.parameters()).device != home:
            network.to(home)
