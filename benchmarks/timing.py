"""Fair timing of alternatives: they take turns in one process, and medians are compared."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch


def time_in_turns(
    alternatives: dict[str, Callable[[], Any]], device: torch.device, repeats: int = 7, budget_s: float = 6.0
) -> dict[str, float]:
    """Median seconds of each alternative over ``repeats`` rounds, fewer (three at least) where a round takes long.

    A first call of each is not counted.
    """
    times: dict[str, list[float]] = {name: [] for name in alternatives}
    for call in alternatives.values():
        _seconds(call, device)
    start = perf_counter()
    for done in range(repeats):
        for name, call in alternatives.items():
            times[name].append(_seconds(call, device))
        if done >= 2 and perf_counter() - start > budget_s:
            break
    return {name: median(values) for name, values in times.items()}


def _seconds(call: Callable[[], Any], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return perf_counter() - start


def machine(device: torch.device) -> dict[str, Any]:
    """What a figure depends on."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {"device": name, "threads": torch.get_num_threads(), "torch": torch.__version__, "python": platform.python_version()}


def report(rows: list[dict[str, Any]], device: torch.device, out: str | None) -> None:
    """Prints the rows, and writes them with the machine as JSON if there is a path."""
    for row in rows:
        print("  ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items()))
    if out:
        Path(out).write_text(json.dumps({"machine": machine(device), "rows": rows}, indent=1) + "\n")
