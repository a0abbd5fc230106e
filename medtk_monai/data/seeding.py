"""Random samples that depend on the seed, the epoch and the sample's number, and on nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from monai.transforms import Randomizable, Transform
from torch.utils.data import Sampler


def find_randomizables(transform: Any) -> list[Randomizable]:
    """All random parts of a transform, nested ones included, in a fixed order."""
    found = [transform] if isinstance(transform, Randomizable) else []
    held = transform if isinstance(transform, (list, tuple)) else vars(transform).values() if isinstance(transform, Transform) else ()
    for part in held:
        found += find_randomizables(part)
    return found


def sample_seeds(seed: int, epoch: int, sample: int, number: int) -> list[int]:
    """``number`` 32-bit seeds that differ for every (seed, epoch, sample) and are the same on every machine."""
    return np.random.SeedSequence([seed, epoch, sample]).generate_state(number).tolist()


class EpochSampler(Sampler[int]):
    """Yields the samples of one epoch in an order that depends on (seed, epoch) only.

    Args:
        num_samples: of an epoch. Sample k of epoch e has the number ``e * num_samples + k``.
        seed: of the order; 0 or above.
        shuffle: False keeps the order 0, 1, 2, ...
        epoch: the first one.
    """

    def __init__(self, num_samples: int, seed: int = 0, shuffle: bool = True, epoch: int = 0):
        self.num_samples = num_samples
        self.seed = seed
        self.shuffle = shuffle
        self.epoch = epoch

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration, 0 or above."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_samples

    def __iter__(self) -> Iterator[int]:
        samples = np.arange(self.num_samples)
        if self.shuffle:
            samples = np.random.default_rng([self.seed, self.epoch]).permutation(samples)
        yield from (samples + self.epoch * self.num_samples).tolist()
