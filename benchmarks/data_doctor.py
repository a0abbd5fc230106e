"""Checks and fingerprints of growing data sets: python -m benchmarks.data_doctor [--out FILE].

250, 500 and 1,000 phantom cases of 64 x 64 x 48 voxels with their label maps; 250 are made, and the others are links to their files, each
read for itself. Each command goes in a process of its own, by one process and by one per CPU. Memory is the peak of the process and of
the largest of its children; CPUs are CPU seconds of all by seconds, the start of the processes included.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import fire
import torch

from benchmarks.timing import report

CASES, MADE = (250, 500, 1000), 250


def main(
    out: str | None = None,
    repeats: int = 1,
    cases: Sequence[int] = CASES,
    workers: Sequence[int] = (1, 0),
    shape: tuple[int, int, int] = (64, 64, 48),
) -> None:
    """Time examinations of growing data sets.

    Args:
        out: JSON file for the rows.
        repeats: of which the fastest is taken.
        cases: numbers of cases.
        workers: processes; 0 for one per CPU.
        shape: voxels of each case.
    """
    from medtk_monai.phantom import write_phantom_dataset

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        source = write_phantom_dataset(Path(folder) / "phantom", min(max(cases), MADE), seed=0, shape=shape)
        for command in ("check", "fingerprint"):
            for processes in dict.fromkeys(count or os.cpu_count() or 1 for count in workers):
                for number in cases:
                    path = _grown(source, number, Path(folder))
                    runs = [_measure(command, path, processes) for _ in range(repeats)]
                    rows.append({"command": command, "cases": number, "processes": processes} | min(runs, key=lambda run: run["seconds"]))
    report(rows, torch.device("cpu"), out)


def _grown(source: Path, number: int, folder: Path) -> Path:
    """A datalist of so many cases, which are links to the phantom's where there are more than it has."""
    content = json.loads(source.read_text())
    items = [item for split in ("training", "validation", "test") for item in content[split]]
    files = folder / f"links{number}"
    files.mkdir(exist_ok=True)
    cases = []
    for index in range(number):
        item = items[index % len(items)]
        names = {key: f"{files.name}/{index:04d}_{key}.nii.gz" for key in ("image", "label_map")}
        for key, name in names.items():
            if not (folder / name).exists():
                os.link(source.parent / item[key], folder / name)
        cases.append(names | {"case_id": f"{index:04d}"})
    path = folder / f"list{number}.json"
    path.write_text(json.dumps({"training": cases}))
    return path


def _measure(command: str, datalist: Path, processes: int) -> dict[str, float]:
    """One command in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.data_doctor", "child", command, str(datalist), str(processes)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def child(command: str, datalist: str, processes: int) -> None:
    """One measurement, printed as JSON."""
    from medtk_monai.doctor.data_fingerprint import fingerprint_data
    from medtk_monai.doctor.examine import examine

    begin, before = perf_counter(), _cpu_seconds()
    found = examine(datalist, num_workers=processes)
    if command == "fingerprint":
        fingerprint_data(found)
    seconds = perf_counter() - begin
    cpu = _cpu_seconds() - before
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "seconds": seconds,
        "ms_per_case": 1000 * seconds / len(found.entries),
        "peak_mb": own.ru_maxrss / 1024,
        "peak_worker_mb": children.ru_maxrss / 1024,
        "cpu_ms_per_case": 1000 * cpu / len(found.entries),
        "cpus": cpu / seconds,
    }
    print(json.dumps(figures))


def _cpu_seconds() -> float:
    """Of this process and its children that have ended."""
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


if __name__ == "__main__":
    fire.Fire({"run": main, "child": child} if sys.argv[1:2] == ["child"] else main)
