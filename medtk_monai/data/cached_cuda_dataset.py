"""Prepared cases, held as near to the network as memory allows."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, fields
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset
from tqdm import tqdm

from medtk_monai.atomic import remove_leftovers
from medtk_monai.data.item_file import BrokenFileError, item_bytes, read_item, write_item
from medtk_monai.data.item_key import describe, item_key
from medtk_monai.errors import DataError, OutputError, as_data_error
from medtk_monai.structures import Target

GB = 1e9
Case = Mapping[str, Any]


@dataclass(frozen=True)
class CacheBudget:
    """Where prepared items may lie; what fits into neither memory stays in its file, mapped.

    Args:
        device_gb: memory of the device that images may take, 10^9 bytes.
        host_gb: main memory, pinned if the device is a GPU.
        folder: of the files, for this run and later ones; None for a temporary one, gone when the process ends.

    Raises:
        ValueError: a budget is negative.
    """

    device_gb: float = 0.0
    host_gb: float = 2.0
    folder: str | None = None

    def __post_init__(self) -> None:
        if self.device_gb < 0 or self.host_gb < 0:
            raise ValueError(f"{self}: budgets must not be negative")


class CachedCudaDataset(Dataset):
    """Cases after deterministic transforms, which run once for each case, in worker processes, and are found again by later runs.

    An item's file is named after the contents of its source files, the case, the transform and the versions of the code: whatever
    changes, it is prepared anew. So is a torn file. Several processes may share a folder: each prepares what is missing, beginning at
    its own share, and takes what another has finished meanwhile. Images are held on the device up to a budget, then in main memory up
    to another, then as mapped files. Items are shared: do not write into them.

    Args:
        data: cases, e.g. of ``load_datalist``.
        transform: deterministic; gives dictionaries of plain tensors, Targets and values that JSON knows.
        device: of the first images, and later of random transforms.
        budget: memory and folder.
        num_workers: processes that prepare; 0 for this one.
        progress: show a bar while preparing.

    Raises:
        DataError: a case cannot be prepared, or its file not be written.
    """

    def __init__(
        self,
        data: Sequence[Case],
        transform: Callable[[Any], dict[str, Any]],
        device: torch.device | str = "cpu",
        budget: CacheBudget | None = None,
        num_workers: int = 0,
        progress: bool = True,
    ):
        self.device, self.budget = torch.device(device), budget or CacheBudget()
        self._temporary = None if self.budget.folder else tempfile.TemporaryDirectory(prefix="medtk-cache-")
        folder = Path(self.budget.folder or self._temporary.name)  # type: ignore[union-attr]
        description = describe(transform)
        remove_leftovers(folder)
        try:
            self.paths = [folder / f"{item_key(case, description, folder / 'digests')}.item" for case in data]
        except OSError as error:
            raise DataError(f"cannot read a case: {error}", remedy="check the paths of the datalist") from error
        _prepare(data, transform, self.paths, num_workers, progress)
        self._items = list(self._place(self._read(data, transform)))

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return dict(self._items[index][1])

    @property
    def places(self) -> dict[str, int]:
        """Bytes of the items that are held on the "device", on the "host", and in a "file"."""
        found = {"device": 0, "host": 0, "file": 0}
        for place, item in self._items:
            found[place] += item_bytes(item)
        return found

    def _read(self, data: Sequence[Case], transform: Callable[[Any], dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for case, path in zip(data, self.paths):
            try:
                yield read_item(path)
            except (BrokenFileError, FileNotFoundError):
                _prepare_one(case, transform, path)
                yield read_item(path)

    def _place(self, items: Iterator[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each item with the place where it ends up."""
        left = {"device": self.budget.device_gb * GB, "host": self.budget.host_gb * GB}
        for item in items:
            size = item_bytes(item)
            place = next((place for place, room in left.items() if size <= room), "file")
            if place != "file":
                left[place] -= size
            yield place, self._move(item, place)

    def _move(self, item: dict[str, Any], place: str) -> dict[str, Any]:
        """Images and masks to their place; targets but for their masks stay in main memory, where they are drawn from."""
        if place == "file":
            return item
        return {key: self._move_value(value, place, key == "image") for key, value in item.items()}

    def _move_value(self, value: Any, place: str, is_image: bool) -> Any:
        if isinstance(value, Tensor):
            return self._hold(value, place if is_image else "host")
        if isinstance(value, Target):
            held = {f.name: getattr(value, f.name) for f in fields(value) if getattr(value, f.name) is not None}
            return Target(
                **{name: self._hold(part, place if name in ("mask", "ignored_region") else "host") for name, part in held.items()}
            )
        return value

    def _hold(self, tensor: Tensor, place: str) -> Tensor:
        if place == "device" and self.device.type != "cpu":
            return tensor.to(self.device)
        return tensor.clone().pin_memory() if self.device.type == "cuda" else tensor.clone()


def _prepare(data: Sequence[Case], transform: Callable[[Any], dict[str, Any]], paths: Sequence[Path], workers: int, progress: bool) -> None:
    """Write the files that are missing."""
    missing = [index for index, path in enumerate(paths) if not _is_whole(path)]
    rank, ranks = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    start = len(missing) * rank // ranks
    jobs = [(data[index], transform, paths[index]) for index in missing[start:] + missing[:start]]
    # Where processes do not fork, they would run the program of a user again.
    alone = workers == 0 or "fork" not in get_all_start_methods()
    done = map(_prepare_missing, jobs) if alone else _in_processes(jobs, workers)
    for _ in tqdm(done, desc="preparing cases", total=len(jobs), disable=not progress or rank != 0 or not jobs, leave=False):
        pass


Job = tuple[Case, Callable[[Any], dict[str, Any]], Path]
_jobs: list[Job] = []
"""Of a process that prepares: it has them from the start, so that they need not be pickled where processes fork."""


def _start_process(jobs: list[Job]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the program as well, which ends its processes
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torch.set_num_threads(1)
    _jobs[:] = jobs


def _do_job(number: int) -> None:
    _prepare_missing(_jobs[number])


def _in_processes(jobs: list[Job], workers: int) -> Iterator[None]:
    # Not a DataLoader: after an error in a worker it takes five seconds to part from each.
    with ProcessPoolExecutor(workers, get_context("fork"), _start_process, (jobs,)) as pool:
        try:
            running = [pool.submit(_do_job, number) for number in range(len(jobs))]
            for future in as_completed(running):
                yield future.result()
        except BrokenProcessPool as error:
            remedy = "start again, which goes on from there; perhaps with fewer num_workers, should memory have run out"
            raise DataError("a process that prepares cases died; finished cases are kept", remedy=remedy) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _prepare_missing(job: Job) -> None:
    if not _is_whole(job[-1]):  # another process may have been faster
        _prepare_one(*job)


def _prepare_one(case: Case, transform: Callable[[Any], dict[str, Any]], path: Path) -> None:
    name = str(case.get("case_id", case.get("image", path.name)))
    try:
        item = transform(dict(case))
    except Exception as error:
        raise as_data_error(error, name, "preparing") from error
    try:
        write_item(path, item)
    except TypeError as error:
        raise DataError(f"its prepared item cannot be cached: {error}", name, "drop or convert it by a transform") from error
    except OutputError as error:
        remedy = f"free {item_bytes(item) / GB:.2g} GB for it and as much for each other case, or choose another cache folder"
        raise OutputError(error.what, name, remedy) from error


def _is_whole(path: Path) -> bool:
    try:
        read_item(path)
    except (BrokenFileError, OSError):
        return False
    return True
