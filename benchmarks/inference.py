"""Whole volumes, from file to findings, against MONAI's sliding window: python -m benchmarks.inference [--device cuda] [--out FILE].

Both use the network of bundles/aneurysm, windows of one size and a context of the same width around every voxel, and read the same file.
MONAI's ``SlidingWindowInferer`` stitches the maps of all levels, which one call of our postprocessor turns into findings. Every score is a
candidate, as from a network that doubts everything. Each goes in a process of its own, in turns, so that its peak of memory is its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import fire
import nibabel
import numpy as np
import torch

from benchmarks.timing import report

SIZES = ((128, 128, 128), (256, 128, 128), (256, 256, 128), (512, 256, 128))
WINDOW, MARGIN = 160, 16
Size = tuple[int, ...]


def main(
    device: str = "cpu",
    out: str | None = None,
    repeats: int = 3,
    sizes: Sequence[Size] = SIZES,
    compared: Size = SIZES[2],
    window: int = WINDOW,
) -> None:
    """Time our inference on volumes of growing size and MONAI's on one of them.

    Args:
        device: cpu or cuda.
        out: JSON file for the rows.
        repeats: of which medians are taken.
        sizes: voxels of the volumes.
        compared: of these the one for MONAI.
        window: voxels of the windows' sides.
    """
    with tempfile.TemporaryDirectory() as folder:
        runs: dict[tuple[str, Size], list[dict[str, Any]]] = {}
        save_checkpoint(Path(folder) / "random.pt")
        for size in sizes:
            generator = np.random.default_rng(0)
            nibabel.save(
                nibabel.Nifti1Image(generator.normal(size=size).astype(np.float32), np.eye(4)), Path(folder) / f"{name_of(size)}.nii"
            )
        for _ in range(repeats):
            for kind, size in [*(("ours", size) for size in sizes), ("monai", compared)]:
                words = [sys.executable, "-m", "benchmarks.inference", "child", kind, folder, name_of(size), device, str(window)]
                done = subprocess.run(words, capture_output=True, text=True, check=True)
                runs.setdefault((kind, size), []).append(json.loads(done.stdout.splitlines()[-1]))
    rows = [
        {"kind": kind, "size": name_of(size)} | {key: median(run[key] for run in found) for key in found[0]}
        for (kind, size), found in runs.items()
    ]
    report(rows, torch.device(device), out)


def name_of(size: Size) -> str:
    return "x".join(map(str, size))


def save_checkpoint(path: Path) -> None:
    """Of an untrained network of the bundle."""
    from monai.bundle import ConfigParser

    parser = ConfigParser()
    parser.read_config("bundles/aneurysm/train.json")
    torch.manual_seed(0)
    torch.save({"network": parser.get_parsed_content("network_def").state_dict()}, path)


def child(kind: str, folder: str, size: str, device: str, window: int) -> None:
    """One measurement, printed as JSON: seconds of each part, and the peak of main memory (and of the GPU's) in MB."""
    from medtk_monai.prediction import Predictor, Scan

    path = Path(folder) / f"{size}.nii"
    changes = {"window_size": window, "margin": MARGIN, "dense_postprocessor::score_threshold": 0.0, "cache_dir": None}
    predictor = Predictor.from_bundle("bundles/aneurysm", Path(folder) / "random.pt", device=device, **changes)
    start_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begin = perf_counter()
    if kind == "ours":
        from medtk_monai.prediction.outputs import chosen_formats, write_case

        prediction = predictor(path)
        seconds, mark = prediction.seconds, perf_counter()
        with tempfile.TemporaryDirectory() as out:
            write_case(Path(out), prediction, Scan(size, str(path)), chosen_formats(["luna", "slicer", "label", "points"]), ())
            seconds["write"] = perf_counter() - mark
            mark = perf_counter()
            write_case(Path(out) / "preview", prediction, Scan(size, str(path)), ["preview"], ())
        seconds["preview"] = perf_counter() - mark
    else:
        seconds = stitched(predictor, path, window)
    total = perf_counter() - begin
    row = {f"{name}_s": value for name, value in seconds.items()} | {"total_s": total}
    row["outside_network"] = 1 - seconds["network"] / total
    row |= {"start_mb": start_mb, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    if device != "cpu":
        row["gpu_mb"] = torch.cuda.max_memory_allocated() / 2**20
    print(json.dumps(row))


def stitched(predictor: Any, path: Path, window: int) -> dict[str, float]:
    """Seconds of MONAI's way."""
    from monai.inferers import SlidingWindowInferer

    from medtk_monai.prediction.predictor import Clock, _timed
    from medtk_monai.structures import DenseOutput

    parts, clock = predictor.parts, Clock()
    item = parts.preprocessing({"image": str(path), "case_id": "a"})
    clock.lap("read")
    inferer = SlidingWindowInferer(
        window, sw_batch_size=1, overlap=2 * MARGIN / window, mode="constant", padding_mode="reflect", sw_device=parts.device, device="cpu"
    )
    network, num_levels = parts.networks[0], 2
    autocast = torch.autocast(parts.device.type, dtype=parts.precision, enabled=parts.precision != torch.float32)
    with torch.no_grad(), autocast, _timed([network], parts.device) as spent:
        maps = inferer(item["image"][None], lambda windows: (lambda output: (*output.logits, *output.deltas))(network(windows)))
        output = DenseOutput(tuple(maps[:num_levels]), tuple(maps[num_levels:]), 1)
        parts.inferer.postprocessor(output, item["image"].shape[1:])
    clock.lap("merge")
    clock.split("merge", "network", sum(spent))
    return clock.seconds


if __name__ == "__main__":
    fire.Fire({"run": main, "child": child} if sys.argv[1:2] == ["child"] else main)
