"""Many cases, one at a time or in several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any


@contextmanager
def case_mapper(workers: int, prepare: Callable[[], None] | None = None) -> Iterator[Any]:
    """Something like ``map`` that runs in processes, or in this one for fewer than two workers.

    Args:
        workers: number of processes.
        prepare: called once in each of them.
    """
    if workers < 2:
        yield map
        return
    # Forking a process that has used threads may deadlock.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=prepare) as pool:
        yield pool.map
