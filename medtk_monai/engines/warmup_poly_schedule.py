from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def warmup_poly_schedule(optimizer: Optimizer, warmup_steps: int, num_steps: int, power: float = 0.9, start: float = 0.1) -> LambdaLR:
    """A learning rate that grows evenly and then falls as a power of the steps left (Chen et al., DeepLab, IEEE TPAMI 40 (2018)).

    Args:
        optimizer: whose learning rates are those at the end of the warm-up.
        warmup_steps: of the growth.
        num_steps: of the whole training; the rate is 0 after them.
        power: above 0.
        start: share of the rate at step 0.
    """

    def factor(step: int) -> float:
        if step < warmup_steps:
            return start + (1 - start) * step / warmup_steps
        return max(0.0, (num_steps - step) / max(num_steps - warmup_steps, 1)) ** power

    return LambdaLR(optimizer, factor)
