"""Commands under load: python -m benchmarks.load [--names check,report] [--scale 0.01] [--out FILE].

Each command runs in a process of its own on data made for it: a datalist of 20,000 entries, 10,000 cases with 20 and with 100 findings, a
report of 2,000 cases, 200 scans by two processes, a volume of 1024 x 1024 x 600 voxels, pictures of 20,000 x 20,000 pixels. Seconds are
of the wall and of the CPUs; memory is the peak of the process, or of the largest of its children. ``--scale`` makes everything smaller.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import fire
import torch

from benchmarks import load_data as made
from benchmarks.timing import report

PROGRAM = "import sys; from medtk_monai.cli.main import main; main()"
Row = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where data is made.

    Args:
        folder: empty.
        scale: of numbers of cases, and of the sides of images.
        depth: of the volume, in slices at a scale of 1.
    """

    folder: Path
    scale: float = 1.0
    depth: int = 600

    def number(self, count: int) -> int:
        """So many, scaled."""
        return max(round(count * self.scale), 4)


def main(
    out: str | None = None,
    names: str | Sequence[str] = (),
    scale: float = 1.0,
    depth: int = 600,
    folder: str | None = None,
    repeats: int = 1,
) -> None:
    """Run commands under load.

    Args:
        out: JSON file for the rows.
        names: of ``LOADS``; all unless given.
        scale: of the load.
        depth: of the volume, in slices at a scale of 1.
        repeats: of which the last is told.
        folder: for the data; a temporary one unless given.
    """
    rows: list[Row] = []
    for name in names.split(",") if isinstance(names, str) and names else names or LOADS:
        for _ in range(repeats):
            with tempfile.TemporaryDirectory(dir=folder) as place:
                found = [{"load": name} | row for row in LOADS[name](Place(Path(place), scale, depth))]
        rows += found
    report(rows, torch.device("cpu"), out)


def _check(place: Place) -> Iterator[Row]:
    count = place.number(20_000)
    datalist = made.many_scans(place.folder, count)
    yield measured(f"check of {count} entries", "check", datalist, place.folder / "found.json", codes=(0, 1, 2))
    yield measured(f"check of {count} entries, headers only", "check", datalist, "--headers_only", codes=(0, 1, 2))


def _evaluate(place: Place) -> Iterator[Row]:
    cases = place.number(10_000)
    for each in (20, 100):
        predictions, truth = made.many_findings(place.folder, cases, each)
        words = ("evaluate", predictions, truth, "--out", place.folder / "out")
        yield measured(f"evaluate {cases} cases with {each} findings each", *words)


def _report(place: Place) -> Iterator[Row]:
    cases = place.number(2_000)
    predictions, truth = made.many_findings(place.folder, cases, 20, with_images=True)
    page = place.folder / "report.html"
    row = measured(f"report of {cases} cases", "report", predictions, truth, page)
    yield row | {"page_mb": page.stat().st_size / 1e6, "page_elements": page.read_text().count("<")}


def _predict(place: Place) -> Iterator[Row]:
    model = made.model(place.folder / "model", 3)
    count = place.number(200)
    datalist = made.many_scans(place.folder, count, (48, 48, 32))
    scans = sorted((datalist.parent / "images").iterdir())
    halves = [(place.folder / f"half{half}", scans[half::2]) for half in (0, 1)]
    yield from _with_memory(
        [("predict", *files, "--model", model, "--out", out, "--device", "cpu", "--formats", "medtk") for out, files in halves],
        [out for out, _ in halves],
    )


def _volume(place: Place) -> Iterator[Row]:
    model = made.model(place.folder / "model", 3)
    shape = tuple(place.number(side) for side in (1024, 1024, place.depth))
    datalist = made.large_volume(place.folder, shape)
    words = ("--model", model, "--out", place.folder / "out", "--device", "cpu", "--formats", "medtk")
    yield measured(f"check a volume of {shape}", "check", datalist, codes=(0, 1, 2))
    yield measured(f"predict a volume of {shape}", "predict", datalist.parent / "volume.nii", *words)


def _picture(place: Place) -> Iterator[Row]:
    model = made.model(place.folder / "model", 2)
    side = place.number(20_000)
    for suffix in (".png", ".tif"):
        datalist = made.large_picture(place.folder, side, suffix)
        words = ("--model", model, "--out", place.folder / f"out{suffix}", "--device", "cpu", "--formats", "medtk")
        yield measured(f"check a {suffix} of {side} x {side}", "check", datalist, codes=(0, 1, 2))
        yield measured(f"predict a {suffix} of {side} x {side}", "predict", datalist.with_suffix(suffix), *words)


LOADS: dict[str, Callable[[Place], Iterator[Row]]] = {
    "check": _check,
    "evaluate": _evaluate,
    "report": _report,
    "predict": _predict,
    "volume": _volume,
    "picture": _picture,
}


def measured(what: str, *words: Any, codes: Sequence[int] = (0,)) -> Row:
    """One command in a process of its own.

    Raises:
        RuntimeError: it ends with another exit code than expected.
    """
    begin = perf_counter()
    with _started(words) as (child, log):
        _, status, used = os.wait4(child, 0)
        seconds = perf_counter() - begin
        code = os.waitstatus_to_exitcode(status)
        if code not in codes:
            raise RuntimeError(f"{what} ends with {code}: {log.read_text(errors='replace')[-3000:]}")
    return {"what": what, "seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}


@contextmanager
def _started(words: Sequence[Any]) -> Iterator[tuple[int, Path]]:
    """The process of a command, and the file of what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as file:
            actions = [(os.POSIX_SPAWN_DUP2, file.fileno(), 1), (os.POSIX_SPAWN_DUP2, file.fileno(), 2)]
            child = os.posix_spawn(sys.executable, [sys.executable, "-c", PROGRAM, *map(str, words)], os.environ, file_actions=actions)
        yield child, log


def _with_memory(commands: Sequence[Sequence[Any]], outs: Sequence[Path]) -> Iterator[Row]:
    """Predictions at once, with the resident memory of each when 20 scans were done and at the end."""
    begin, seen = perf_counter(), [dict[int, float]() for _ in commands]
    with _started(commands[0]) as (first, _), _started(commands[1]) as (second, _):
        left, used = {first: 0, second: 1}, [None, None]
        while left:
            sleep(0.05)
            for child, number in list(left.items()):
                done = len(list(outs[number].glob("*/predictions.json"))) if outs[number].exists() else 0
                seen[number].setdefault(done, _resident_mb(child))
                found, _, usage = os.wait4(child, os.WNOHANG)
                if found:
                    del left[child]
                    used[number] = usage
    for number, usage in enumerate(used):
        counts = [count for count, memory in seen[number].items() if memory > 0]
        early = min((count for count in counts if count >= 20), default=counts[0])
        yield {
            "what": f"predict, process {number + 1} of 2: {max(seen[number])} scans",
            "seconds": perf_counter() - begin,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_mb": usage.ru_maxrss / 1024,
            "mb_at_20": seen[number][early],
            "mb_at_end": seen[number][max(counts)],
        }


def _resident_mb(process: int) -> float:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, IndexError):
        return 0.0


if __name__ == "__main__":
    fire.Fire(main)
