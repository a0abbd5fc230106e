"""What a training step takes, counted without running it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

GB = 1e9
_OPTIMIZER = 4
"""Values per weight: itself, its gradient, and the two moments of AdamW, in float32."""


_PER_SAVED = 1.65
"""Bytes at the peak for each that is kept: 1.5 to 1.7 were measured on the CPU, see ``benchmarks/planning.py``."""


@dataclass(frozen=True)
class StepMemory:
    """Bytes that a training step takes.

    Args:
        fixed: weights, gradients and moments of the optimizer.
        saved: what the forward pass keeps for the backward pass.
    """

    fixed: int
    saved: int

    @property
    def total(self) -> float:
        """What is expected at the peak."""
        return self.fixed + _PER_SAVED * self.saved


def step_memory(make_network: Callable[[], nn.Module], images: Sequence[int], dtype: torch.dtype = torch.float32) -> StepMemory:
    """The memory of a training step, from a forward pass of fake tensors, which have shapes and types but no values.

    Args:
        make_network: builds the network.
        images: shape of a batch (B, C, *spatial).
        dtype: of the convolutions, under autocast unless float32.
    """
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage.nbytes()
        held.append(tensor)  # so that no other storage gets its number
        return tensor

    held: list[Tensor] = []
    with FakeTensorMode():
        network = make_network().train()
        batch = torch.empty(tuple(images))
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), _autocast(dtype):
            network(batch)
    weights = {p.untyped_storage()._cdata for p in network.parameters()}
    saved = sum(size for storage, size in kept.items() if storage not in weights)
    number = sum(p.numel() for p in network.parameters())
    return StepMemory(_OPTIMIZER * 4 * number, saved)


def _autocast(dtype: torch.dtype) -> torch.autocast:
    return torch.autocast("cpu", dtype, enabled=dtype != torch.float32)
