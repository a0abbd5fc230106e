"""Several processes that train one network, as torchrun starts them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ignite.distributed as idist
import torch
import torch.distributed as dist

from medtk_monai.errors import DataError


@dataclass(frozen=True)
class Processes:
    """This process among those that train together.

    Args:
        rank: its number, in [0, ranks); 0 writes.
        ranks: how many there are.
        device: of this one.
    """

    rank: int
    ranks: int
    device: torch.device


def join_processes(device_type: str = "auto", timeout_minutes: float = 60) -> Processes:
    """Join the processes that torchrun has started, by NCCL on GPUs and gloo on CPUs; each takes the GPU of its local rank.

    Args:
        device_type: "cuda", "cpu", or "auto" for CUDA where there is a GPU.
        timeout_minutes: how long the others may be waited for, e.g. while one prepares data.

    Raises:
        DataError: not started by torchrun, or there are fewer GPUs than processes on this machine.
    """
    if not {"RANK", "WORLD_SIZE", "LOCAL_RANK"} <= set(os.environ):
        remedy = "start it by `torchrun --nproc_per_node=N -m monai.bundle run training ...`, or leave out multi_gpu.json"
        raise DataError("several processes are configured, but torchrun has not started this one", remedy=remedy)
    local_rank = int(os.environ["LOCAL_RANK"])
    use_cuda = torch.cuda.is_available() if device_type == "auto" else device_type == "cuda"
    if use_cuda and local_rank >= torch.cuda.device_count():
        what = f"process {local_rank} on this machine has no GPU of its own: there are {torch.cuda.device_count()}"
        raise DataError(what, remedy="lower --nproc_per_node")
    device = torch.device("cuda", local_rank) if use_cuda else torch.device("cpu")
    if use_cuda:
        torch.cuda.set_device(device)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if use_cuda else "gloo", timeout=timedelta(minutes=timeout_minutes))
    return Processes(dist.get_rank(), dist.get_world_size(), device)


def leave_processes() -> None:
    """At the end of a program that has joined others."""
    if dist.is_initialized():
        dist.destroy_process_group()


def first_alone(make: Callable[[], Any]) -> Any:
    """What ``make`` returns, called by the first process before the others."""
    with idist.one_rank_first():
        return make()
