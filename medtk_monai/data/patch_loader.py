"""Batches of random patches, made on the device of the network while it computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from threading import local
from typing import Any

import numpy as np
import torch

from medtk_monai.data.collate import collate_cases
from medtk_monai.data.datasets import EpochSampler, find_randomizables, sample_seeds
from medtk_monai.errors import DataError, find_data_error

Item = dict[str, Any]


@dataclass(frozen=True)
class Share:
    """The part of the samples that one of several processes takes.

    Args:
        rank: of this process, in [0, ranks).
        ranks: number of processes.
    """

    rank: int = 0
    ranks: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.ranks:
            raise ValueError(f"{self}: rank must lie in [0, ranks)")


class PatchLoader:
    """Batches of random patches of a (cached) dataset's cases: cut and warped one by one, changed in intensity as a batch.

    A sample is a function of (seed, epoch, its number), to the last bit: not of threads, ranks, order, batch or history. Sample k of an
    epoch shows case ``k % len(dataset)``. Batches are made by threads, on CUDA on a stream of their own, ahead of the training loop;
    what fails there is raised in the loop, with the case.

    Args:
        dataset: items with ``image`` (C, *spatial) and ``target``, not to be written into.
        patches: random dictionary transform of an item, such as RandWarpBoxesd or a Compose of such; all patches of one size.
        intensities: transforms with ``draw`` and ``apply``, see ``medtk_monai.transforms.intensity``, in this order.
        batch_size: samples of a batch; an epoch's last one may be smaller.
        seed: 0 or above.
        samples_per_case: samples of each case in an epoch.
        num_workers: threads; 0 makes each batch when it is asked for.
        share: of this process among several, which all get equally many samples; a remainder is left out.

    Raises:
        DataError: making a sample failed with one.
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
        num_workers: int = 1,
        share: Share | None = None,
    ):
        if min(batch_size, samples_per_case) < 1 or min(seed, num_workers) < 0:
            raise ValueError("batch_size and samples_per_case must be 1 or more, seed and num_workers 0 or more")
        self.dataset, self.intensities, self.batch_size, self.seed = dataset, tuple(intensities), batch_size, seed
        self.samples_per_case, self.num_workers, self.share = samples_per_case, num_workers, share or Share()
        self.sampler = EpochSampler(len(dataset) * samples_per_case, seed)
        self._patches, self._own = patches, local()

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration, 0 or above."""
        self.sampler.set_epoch(epoch)

    def __len__(self) -> int:
        """Batches of an epoch in this process."""
        return -(-(len(self.sampler) // self.share.ranks) // self.batch_size)

    def __iter__(self) -> Iterator[Item]:
        numbers = list(self.sampler)
        count = len(numbers) // self.share.ranks
        mine = numbers[self.share.rank :: self.share.ranks][:count]
        batches = [mine[start : start + self.batch_size] for start in range(0, count, self.batch_size)]
        if self.num_workers == 0:
            yield from map(self._make, batches)
            return
        stream = next(self._streams(), None)
        with ThreadPoolExecutor(self.num_workers, thread_name_prefix="patches") as pool:
            waiting: deque[Future] = deque()
            try:
                for batch in batches:
                    waiting.append(pool.submit(self._make_aside, batch, stream))
                    if len(waiting) > self.num_workers:
                        yield _arrived(waiting.popleft())
                while waiting:
                    yield _arrived(waiting.popleft())
            finally:
                for future in waiting:
                    future.cancel()

    def _streams(self) -> Iterator[torch.cuda.Stream]:
        device = self.dataset[0]["image"].device if len(self.dataset) else torch.device("cpu")
        if device.type == "cuda":
            yield torch.cuda.Stream(device)

    def _make_aside(self, numbers: Sequence[int], stream: torch.cuda.Stream | None) -> tuple[Item, torch.cuda.Event | None]:
        if stream is None:
            return self._make(numbers), None
        with torch.cuda.stream(stream):
            return self._make(numbers), stream.record_event()

    def _make(self, numbers: Sequence[int]) -> Item:
        items, draws = zip(*map(self._sample, numbers))
        batch = collate_cases(items)
        for transform, drawn in zip(self.intensities, zip(*draws)):
            batch["image"] = transform.apply(batch["image"], drawn)
        return batch

    def _sample(self, number: int) -> tuple[Item, list[Any]]:
        """A patch, and the draws of its intensities."""
        epoch, sample = divmod(number, len(self.sampler))
        transform, parts = self._transform()
        item = self.dataset[sample % len(self.dataset)]
        *seeds, last = sample_seeds(self.seed, epoch, sample, len(parts) + 1)
        for part, seed in zip(parts, seeds):
            part.R.seed(seed)
        try:
            patch = transform(item)
        except Exception as error:
            cause = find_data_error(error)
            name = str(item.get("case_id", ""))
            if cause is not None:
                raise DataError(cause.what, cause.case or name, cause.remedy) from error
            raise DataError(
                f"making a patch failed: {type(error).__name__}: {error}".splitlines()[0], name, "see the error above"
            ) from error
        random = np.random.RandomState(last)
        return patch, [intensity.draw(random) for intensity in self.intensities]

    def _transform(self) -> tuple[Callable[[Item], Item], list[Any]]:
        """This thread's copy of the random transform, and its random parts: they keep what they draw to themselves."""
        if not hasattr(self._own, "transform"):
            self._own.transform = deepcopy(self._patches)
            self._own.parts = find_randomizables(self._own.transform)
            for part in self._own.parts:
                part.set_random_state(seed=0)  # MONAI's parts share one state until they are given their own
        return self._own.transform, self._own.parts


def _arrived(future: Future) -> Item:
    """A batch that the current stream may read."""
    batch, event = future.result()
    if event is not None:
        stream = torch.cuda.current_stream(batch["image"].device)
        stream.wait_event(event)
        batch["image"].record_stream(stream)
    return batch
