"""The memory of training steps, as planned and as measured: python -m benchmarks.planning [--device cuda] [--out FILE]."""

from __future__ import annotations

import multiprocessing as mp
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fire
import torch
from monai.bundle import ConfigParser

from benchmarks.timing import report
from medtk_monai.planning.memory import step_memory

TRAIN = Path(__file__).parents[1] / "bundles" / "aneurysm" / "train.json"
CASES = [(3, 24, 16), (3, 48, 4), (3, 64, 4), (3, 96, 2), (2, 256, 8), (2, 512, 4)]
"""Dimensions, voxels along a side of the patch, patches."""


def main(device: str = "cpu", out: str | None = None, repeats: int = 3, cases: Sequence[tuple[int, int, int]] = tuple(CASES)) -> None:
    """Prints of each step the GB that the planner expects, those measured, and their ratio; each in a process of its own.

    On the CPU the measure is what the process grows by at the peak, on a GPU what torch allocates.
    """
    rows: list[dict[str, Any]] = []
    for dims, side, batch in cases:
        for precision in ("float32", "bfloat16"):
            with mp.get_context("spawn").Pool(1) as pool:
                planned, measured = pool.apply(_one, (dims, side, batch, precision, device, repeats))
            row = {"dims": dims, "side": side, "batch": batch, "precision": precision}
            rows.append(row | {"planned_gb": planned / 1e9, "measured_gb": measured / 1e9, "ratio": planned / measured})
    report(rows, torch.device(device), out)


def _one(dims: int, side: int, batch: int, precision: str, device: str, repeats: int) -> tuple[float, float]:
    """Bytes planned, and measured."""
    dtype, shape = getattr(torch, precision), (batch, 1, *[side] * dims)
    planned = step_memory(lambda: _parser(dims, "cpu").get_parsed_content("network_def"), shape, dtype).total
    parser, place = _parser(dims, device), torch.device(device)
    network, optimizer = parser.get_parsed_content("network").train(), parser.get_parsed_content("optimizer")
    images = torch.randn(shape).to(place, memory_format=parser.get_parsed_content("memory_format"))
    before = _used(place)
    peaks = [before]
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(place, peaks, stop))
    watcher.start()
    for _ in range(max(repeats, 2)):
        with torch.autocast(place.type, dtype, enabled=dtype != torch.float32):
            logits, deltas = network(images).flatten()
        (logits.float().sum() + deltas.float().sum()).backward()
        optimizer.step()
        optimizer.zero_grad()
    stop.set()
    watcher.join()
    peak = torch.cuda.max_memory_allocated(place) if place.type == "cuda" else max(peaks)
    return planned, peak - before


def _parser(dims: int, device: str) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config(str(TRAIN))
    parser.update({"device": torch.device(device), "spatial_dims": dims})
    return parser


def _used(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def _watch(device: torch.device, peaks: list[int], stop: threading.Event) -> None:
    while not stop.is_set():
        peaks.append(_used(device))
        time.sleep(0.001)


if __name__ == "__main__":
    fire.Fire(main)
