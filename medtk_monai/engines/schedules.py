"""Learning rates that change at each step. Their length is that of the configuration, also when a training goes on from a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

START = 0.1
"""Share of the learning rate at step 0."""


def warmup_cosine_schedule(optimizer: Optimizer, warmup_steps: int, num_steps: int) -> LambdaLR:
    """A learning rate that grows evenly and then falls to 0 as half a cosine (Loshchilov and Hutter, SGDR, ICLR 2017).

    MONAI's WarmupCosineSchedule takes its length from a checkpoint, and climbs again when the training has become longer.

    Args:
        optimizer: whose learning rates are those at the end of the warm-up.
        warmup_steps: of the growth.
        num_steps: of the whole training; the rate is 0 after them.
    """
    return _after_warmup(optimizer, warmup_steps, num_steps, lambda done: (1 + cos(pi * done)) / 2)


def warmup_poly_schedule(optimizer: Optimizer, warmup_steps: int, num_steps: int, power: float = 0.9) -> LambdaLR:
    """A learning rate that grows evenly and then falls as a power of the steps left (Chen et al., DeepLab, IEEE TPAMI 40 (2018)).

    Args:
        optimizer, warmup_steps, num_steps: see ``warmup_cosine_schedule``.
        power: above 0.
    """
    return _after_warmup(optimizer, warmup_steps, num_steps, lambda done: (1 - done) ** power)


def _after_warmup(optimizer: Optimizer, warmup_steps: int, num_steps: int, fall: Callable[[float], float]) -> LambdaLR:
    def factor(step: int) -> float:
        if step < warmup_steps:
            return START + (1 - START) * step / warmup_steps
        return fall(min((step - warmup_steps) / max(num_steps - warmup_steps, 1), 1.0))

    return LambdaLR(optimizer, factor)
