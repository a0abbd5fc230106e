"""Evaluation with intervals: python -m benchmarks.evaluation [--out FILE].

Simulated cases with a lesion each and 20 candidates, of which the best is near the lesion, matched and summarized with 1,000 bootstraps; 250,
500, 1,000 and 2,000 of them, and one case of 100,000 candidates. Each goes in a process of its own, so that its peak of memory is its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from statistics import median
from time import perf_counter
from typing import Any

import fire
import numpy as np
import torch

from benchmarks.timing import report

CASES = ((250, 20), (500, 20), (1000, 20), (2000, 20), (1, 100_000))


def main(out: str | None = None, repeats: int = 3, cases: Sequence[tuple[int, int]] = CASES) -> None:
    """Time evaluations of growing size.

    Args:
        out: JSON file for the rows.
        repeats: of which medians are taken.
        cases: numbers of cases and of candidates in each.
    """
    runs: dict[tuple[int, int], list[dict[str, float]]] = {}
    for _ in range(repeats):
        for size in cases:
            words = [sys.executable, "-m", "benchmarks.evaluation", "child", *map(str, size)]
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            runs.setdefault(tuple(size), []).append(json.loads(done.stdout.splitlines()[-1]))
    rows = [
        {"cases": size[0], "candidates": size[1]} | {key: median(run[key] for run in found) for key in found[0]}
        for size, found in runs.items()
    ]
    report(rows, torch.device("cpu"), out)


def child(num_cases: int, num_candidates: int) -> None:
    """One measurement, printed as JSON: seconds of matching and summary, and the growth of the peak of memory in MB."""
    from medtk_monai.evaluation import TruthCase, evaluate_files
    from medtk_monai.transforms.boxes import WorldBoxes

    generator = np.random.default_rng(0)
    eye = torch.eye(3, dtype=torch.float64)
    truths, predictions = [], []
    for case in range(num_cases):
        center = generator.uniform(20, 180, (1, 3))
        boxes = WorldBoxes(torch.from_numpy(center), torch.full((1, 3), 6.0, dtype=torch.float64), eye)
        truths.append(TruthCase(str(case), boxes, torch.zeros(1, dtype=torch.int64), torch.zeros(1, dtype=torch.bool), str(case)))
        predictions.append(_found(generator, str(case), center, num_candidates))
    evaluate_files(predictions[:1], truths[:1], num_draws=2)  # imports and first calls
    start_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begin = perf_counter()
    evaluate_files(predictions, truths, num_draws=1000)
    seconds = perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "ms_per_case": 1000 * seconds / num_cases, "added_mb": peak - start_mb}))


def _found(generator: np.random.Generator, name: str, lesion: np.ndarray, count: int) -> dict[str, Any]:
    centers = np.concatenate([lesion + generator.normal(0, 1.5, (1, 3)), generator.uniform(0, 200, (count - 1, 3))])
    boxes = np.concatenate([centers, generator.uniform(3, 10, (count, 3))], axis=1)
    scores = np.concatenate([generator.beta(4, 2, 1), generator.beta(1, 4, count - 1)])
    frame = {"case_id": name, "image": "", "space": "RAS", "direction": np.eye(3).tolist()}
    return frame | {"boxes": boxes.tolist(), "scores": scores.tolist(), "labels": [0] * count}


if __name__ == "__main__":
    fire.Fire({"run": main, "child": child} if sys.argv[1:2] == ["child"] else main)
