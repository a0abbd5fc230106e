"""Random samples that depend on the seed, the epoch and the sample's number, and on nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sized
from typing import Any

import numpy as np
from monai.transforms import Randomizable, Transform
from torch.utils.data import Dataset, Sampler

from medtk_monai.errors import DataError, find_data_error


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


class SeededDataset(Dataset):
    """Random transforms on top of a (cached) dataset.

    Item ``epoch * len(self) + k`` is sample k of that epoch, whatever worker, rank or order asks for it; EpochSampler yields
    such numbers. Sample k shows case ``k % len(dataset)``. Items of ``dataset`` are shared between samples: they are copied
    shallowly, so the transform must not write into their tensors.

    Args:
        dataset: cases with deterministic transforms done, e.g. ``monai.data.CacheDataset(copy_cache=False)``.
        transform: a MONAI transform; its random parts are seeded anew for each sample.
        seed: 0 or above.
        samples_per_case: samples of each case in an epoch, 1 or more.

    Raises:
        DataError: loading or transforming a case failed with one, however MONAI has wrapped it.
        IndexError: a negative index.
    """

    def __init__(self, dataset: Any, transform: Callable[[dict[str, Any]], dict[str, Any]], seed: int, samples_per_case: int = 1):
        if samples_per_case < 1 or seed < 0:
            raise ValueError(f"samples_per_case {samples_per_case} must be 1 or more and seed {seed} 0 or more")
        self.dataset = dataset
        self.transform = transform
        self.seed = seed
        self.samples_per_case = samples_per_case
        self._random_parts = find_randomizables(transform)
        for part in self._random_parts:
            part.set_random_state(seed=seed)  # MONAI's parts share one state until they are given their own

    def __len__(self) -> int:
        return len(self.dataset) * self.samples_per_case

    def __iter__(self) -> Iterator[Any]:
        """The samples of epoch 0; without it, iteration would go on through all epochs."""
        return (self[sample] for sample in range(len(self)))

    def __getitem__(self, index: int) -> Any:
        if index < 0:
            raise IndexError(f"sample {index}: samples are counted from 0 through all epochs")
        epoch, sample = divmod(index, len(self))
        try:
            item = dict(self.dataset[sample % len(self.dataset)])
            for part, part_seed in zip(self._random_parts, sample_seeds(self.seed, epoch, sample, len(self._random_parts))):
                part.R.seed(part_seed)
            return self.transform(item)
        except Exception as error:
            # A worker process passes on the type and the text of an exception, but not its causes.
            cause = find_data_error(error)
            if cause is None or cause is error:
                raise
            raise DataError(cause.what, cause.case, cause.remedy) from error


class EpochSampler(Sampler[int]):
    """Yields the samples of one epoch in an order that depends on (seed, epoch) only.

    Args:
        num_samples: ``len(SeededDataset)``, or the dataset itself.
        seed: of the order; 0 or above.
        shuffle: False keeps the order 0, 1, 2, ...
        epoch: the first one.
    """

    def __init__(self, num_samples: int | Sized, seed: int = 0, shuffle: bool = True, epoch: int = 0):
        self.num_samples = num_samples if isinstance(num_samples, int) else len(num_samples)
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
