from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import ignite.distributed as idist

Value = TypeVar("Value")


def gather(value: Value) -> list[Value]:
    """The values of all processes, by rank; all have to ask for them."""
    shares: Any = idist.all_gather([value])  # type: ignore[arg-type]
    return [share[0] for share in shares]


def gather_cases(case_ids: Sequence[str], values: Sequence[Value]) -> list[Value]:
    """What all processes know of their cases, each case once, in an order that depends on the cases only; all have to ask for it."""
    shares = gather(list(zip(case_ids, values)))
    return list(values) if len(shares) == 1 else list(dict(pair for share in shares for pair in share).values())
