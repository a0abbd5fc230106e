from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medtk_monai.structures import Assignment


@dataclass(frozen=True)
class HardNegativeSampler:
    """All positives, and negatives drawn at random from a pool of the hardest (after Shrivastava et al., OHEM, CVPR 2016).

    An image without positives still gets ``min_negatives``.

    Args:
        negatives_per_positive: drawn negatives for each positive prior.
        min_negatives: negatives drawn at least, as far as there are any.
        pool_factor: the pool holds this many times the drawn number; 1 takes just the hardest.

    Raises:
        ValueError: a value out of range.
    """

    negatives_per_positive: float = 3.0
    min_negatives: int = 16
    pool_factor: float = 10.0

    def __post_init__(self) -> None:
        if self.negatives_per_positive < 0 or self.min_negatives < 0 or self.pool_factor < 1:
            raise ValueError(f"{self}: counts must not be negative and pool_factor must be at least 1")

    def __call__(self, assignment: Assignment, hardness: Tensor, generator: torch.Generator | None = None) -> Tensor:
        mask = assignment.positive.clone()
        negatives = assignment.negative.nonzero()[:, 0]
        wanted = max(int(mask.sum().item() * self.negatives_per_positive), self.min_negatives)
        pool_size = min(int(wanted * self.pool_factor), len(negatives))
        pool = negatives[hardness[negatives].topk(pool_size).indices]
        device = generator.device if generator is not None else "cpu"
        drawn = torch.randperm(pool_size, generator=generator, device=device)[:wanted]
        mask[pool[drawn.to(pool.device)]] = True
        return mask
