"""Batches of random patches, made on the device of the network while it computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from threading import local
from typing import Any

import numpy as np
import torch
from monai.transforms import Transform

from medtk_monai.data.collate import collate_cases
from medtk_monai.data.seeding import EpochSampler, find_randomizables, sample_seeds
from medtk_monai.errors import DataError, as_data_error

Item = dict[str, Any]
STRENGTH = "strength"
"""Key of an item: how strongly its patch may be changed, in [0, 1]."""


@dataclass(frozen=True)
class Workers:
    """Who makes batches, and where.

    Args:
        device: of the batches.
        threads: that make them ahead of the training loop; 0 makes each when it is asked for.
        rank: of this process among those that share the samples, in [0, ranks).
        ranks: number of processes. All get equally many samples; a remainder is left out.

    Raises:
        ValueError: a number out of range.
    """

    device: torch.device | str = "cpu"
    threads: int = 1
    rank: int = 0
    ranks: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.ranks or self.threads < 0:
            raise ValueError(f"{self}: rank must lie in [0, ranks), and threads not be negative")


@dataclass(frozen=True)
class Ramp:
    """A strength of augmentation that grows with the epochs, after Bengio et al., Curriculum Learning, ICML 2009.

    Args:
        start: strength of epoch 0, in [0, 1].
        epochs: until it is 1; 0 for 1 from the beginning.
        power: 1 grows evenly, more later, less sooner; above 0.

    Raises:
        ValueError: a number out of range.
    """

    start: float = 0.0
    epochs: int = 0
    power: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.start <= 1 or self.epochs < 0 or self.power <= 0:
            raise ValueError(f"{self}: start must lie in [0, 1], epochs not be negative and power above 0")

    def __call__(self, epoch: int) -> float:
        """The strength of an epoch, counted from 0."""
        done = min(epoch / self.epochs, 1.0) if self.epochs else 1.0
        return self.start + (1 - self.start) * done**self.power


class PatchLoader:
    """Batches of random patches of a (cached) dataset's cases: cut and warped one by one, changed in intensity as a batch.

    A sample is a function of (seed, epoch, its number), to the last bit: not of threads, ranks, order, batch or history. Sample k of an
    epoch shows case ``k % len(dataset)``. Batches are made by threads, on CUDA on a stream of their own, ahead of the training loop;
    what fails there is raised in the loop, with the case.

    Args:
        dataset: items with ``image`` (C, *spatial) and ``target``, not to be written into.
        patches: random dictionary transform of an item, such as RandWarpBoxesd or a Compose of such; all patches of one size. Best on
            the device of the workers; what comes from elsewhere is moved there.
        intensities: transforms with ``draw`` and ``apply``, see ``medtk_monai.transforms.intensity``, in this order.
        batch_size: samples of a batch; an epoch's last one may be smaller.
        seed: 0 or above.
        samples_per_case: samples of each case in an epoch.
        workers: threads, device and share of this process.
        strength: of an epoch, counted from 0, in [0, 1]; such as a Ramp. A patch is bent, and each intensity changed, with its own
            probability times the strength. Patches find it in the item, as ``strength``. None for 1 in all epochs.

    Raises:
        DataError: making a sample failed; or an epoch has fewer samples than there are processes.
        TypeError: ``patches`` is no MONAI transform, so that its random parts cannot be found.
        ValueError: an argument out of range.
    """

    def __init__(
        self,
        dataset: Any,
        patches: Callable[[Item], Item],
        intensities: Sequence[Any] = (),
        batch_size: int = 1,
        seed: int = 0,
        samples_per_case: int = 1,
        workers: Workers | None = None,
        strength: Callable[[int], float] | None = None,
    ):
        if min(batch_size, samples_per_case) < 1 or seed < 0:
            raise ValueError("batch_size and samples_per_case must be 1 or more, seed 0 or more")
        if not isinstance(patches, Transform):
            raise TypeError(f"patches is a {type(patches).__name__}: give a MONAI transform, or a Compose of them")
        self.dataset, self.intensities, self.batch_size, self.seed = dataset, tuple(intensities), batch_size, seed
        self.samples_per_case, self.workers, self.strength = samples_per_case, workers or Workers(), strength or Ramp()
        self.device = torch.device(self.workers.device)
        self.sampler = EpochSampler(len(dataset) * samples_per_case, seed)
        if len(self.sampler) < self.workers.ranks:
            what = f"an epoch has {len(self.sampler)} samples for {self.workers.ranks} processes"
            raise DataError(what, remedy="raise samples_per_case, or start fewer processes")
        self._stream = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None
        self._patches, self._own = patches, local()
        self._done = (-1, 0)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration, 0 or above."""
        self.sampler.set_epoch(epoch)
        if epoch != self._done[0]:
            self._done = (-1, 0)

    def go_on_within(self, epoch: int, batches: int) -> None:
        """Leave out the first batches of an epoch, counted from 0: a training that goes on within it has seen them."""
        self._done = (epoch, batches)

    def __len__(self) -> int:
        """Batches of an epoch in this process, whether or not some are left out."""
        return -(-(len(self.sampler) // self.workers.ranks) // self.batch_size)

    def __iter__(self) -> Iterator[Item]:
        numbers = list(self.sampler)
        count = len(numbers) // self.workers.ranks
        mine = numbers[self.workers.rank :: self.workers.ranks][:count]
        epoch, done = self._done
        first = done * self.batch_size if epoch == self.sampler.epoch else 0
        batches = [mine[start : start + self.batch_size] for start in range(first, count, self.batch_size)]
        if self.workers.threads == 0:
            yield from map(self._make, batches)
            return
        with ThreadPoolExecutor(self.workers.threads, thread_name_prefix="patches") as pool:
            waiting: deque[Future] = deque()
            try:
                for batch in batches:
                    waiting.append(pool.submit(self._make_aside, batch))
                    if len(waiting) > self.workers.threads:
                        yield _arrived(waiting.popleft())
                while waiting:
                    yield _arrived(waiting.popleft())
            finally:
                for future in waiting:
                    future.cancel()

    def _make_aside(self, numbers: Sequence[int]) -> tuple[Item, torch.cuda.Event | None]:
        if self._stream is None:
            return self._make(numbers), None
        with torch.cuda.stream(self._stream):
            return self._make(numbers), self._stream.record_event()

    def _make(self, numbers: Sequence[int]) -> Item:
        with torch.no_grad(), _without_autocast(self.device.type):
            items, draws = zip(*map(self._sample, numbers))
            batch = collate_cases(items)
            for transform, drawn in zip(self.intensities, zip(*draws)):
                batch["image"] = transform.apply(batch["image"], drawn)
        return batch

    def _sample(self, number: int) -> tuple[Item, list[Any]]:
        """A patch, and the draws of its intensities."""
        epoch, sample = divmod(number, len(self.sampler))
        transform, parts = self._transform()
        strength = self.strength(epoch)
        item = dict(self.dataset[sample % len(self.dataset)]) | {STRENGTH: strength}
        *seeds, last = sample_seeds(self.seed, epoch, sample, len(parts) + 1)
        for part, seed in zip(parts, seeds):
            part.R.seed(seed)
        try:
            patch = dict(transform(item))
        except Exception as error:
            raise as_data_error(error, str(item.get("case_id", "")), "making a patch") from error
        random = np.random.RandomState(last)
        patch["image"] = patch["image"].to(self.device, non_blocking=True)
        draws = [(intensity.draw(random), random.random_sample()) for intensity in self.intensities]
        return patch, [drawn if chance < strength else None for drawn, chance in draws]

    def _transform(self) -> tuple[Callable[[Item], Item], list[Any]]:
        """This thread's copy of the random transform, and its random parts: they keep what they draw to themselves."""
        if not hasattr(self._own, "transform"):
            self._own.transform = deepcopy(self._patches)
            self._own.parts = find_randomizables(self._own.transform)
            for part in self._own.parts:
                part.set_random_state(seed=0)  # MONAI's parts share one state until they are given their own
        return self._own.transform, self._own.parts


def _without_autocast(device_type: str) -> AbstractContextManager:
    """Autocast off, in this thread.

    Not entered where it is off anyhow: leaving it would empty the cache of cast weights, which all threads share, during a forward pass
    of the training loop. A weight used twice would then be cast twice, and its gradients be added in another precision.
    """
    return torch.autocast(device_type, enabled=False) if torch.is_autocast_enabled(device_type) else nullcontext()


def _arrived(future: Future) -> Item:
    """A batch that the current stream may read."""
    batch, event = future.result()
    if event is not None:
        stream = torch.cuda.current_stream(batch["image"].device)
        stream.wait_event(event)
        for tensor in (batch["image"], *(part for target in batch["target"] for part in (target.mask, target.ignored_region))):
            if tensor is not None and tensor.is_cuda:
                tensor.record_stream(stream)  # or its memory may be given away while the loop still reads it
    return batch
