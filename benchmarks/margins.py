"""How much windows change what is found, against margin and padding: python -m benchmarks.margins CHECKPOINT [--dataset_dir DIR].

A trained network of bundles/aneurysm looks at whole scans, and at the same scans in windows with cores of 32 voxels. Compared are the
findings after suppression, matched by prior: how many there are in only one of both, and how far the scores of the others differ. Both
the padding of convolutions and the margin outside the image are by reflection, or by zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import fire
import torch
from torch import Tensor

from benchmarks.timing import report
from medtk_monai.bundle.parts import load_bundle
from medtk_monai.data import load_datalist
from medtk_monai.inferers import WindowedInferer
from medtk_monai.reflection import PADDING_MODES
from medtk_monai.structures import Detections

CORE, MARGINS, SCORE = 32, (0, 4, 8, 16, 24, 32), 0.1


def main(
    checkpoint: str,
    dataset_dir: str,
    cases: int = 4,
    zero_checkpoint: str | None = None,
    out: str | None = None,
    margins: Sequence[int] = MARGINS,
) -> None:
    """Compare windows with whole scans.

    Args:
        checkpoint: of a network trained with reflect padding.
        dataset_dir: with a datalist.json; its test split is used.
        cases: how many of it.
        zero_checkpoint: of a network trained with ``--padding_mode zeros``; the other's weights if not given.
        out: JSON file for the rows.
        margins: voxels; the largest is that of the whole scans.
    """
    scans = load_datalist(Path(dataset_dir) / "datalist.json", "test")[:cases]
    rows = []
    for padding in PADDING_MODES:
        chosen = checkpoint if padding == "reflect" else zero_checkpoint or checkpoint
        parts = load_bundle("bundles/aneurysm", chosen, device="cpu", overrides={"padding_mode": padding})
        images = [parts.preprocessing(dict(case))["image"] for case in scans]
        found = {margin: [detect(parts, image, margin, padding, CORE) for image in images] for margin in margins}
        whole = [detect(parts, image, max(margins), padding, 256) for image in images]
        rows += [{"padding": padding, "margin": margin} | difference(found[margin], whole) for margin in margins]
    report(rows, torch.device("cpu"), out)


def detect(parts: Any, image: Tensor, margin: int, padding: str, core: int) -> Detections:
    inferer = WindowedInferer(parts.inferer.postprocessor, core + 2 * margin, margin, stride=parts.inferer.stride, padding_mode=padding)
    (found,) = inferer(image[None], parts.networks[0])
    return found[found.scores > SCORE]


def difference(found: list[Detections], whole: list[Detections]) -> dict[str, float]:
    """Findings of both, those of one only, and the mean and largest difference of the scores of the rest."""
    alone, both, gaps = 0, 0, [0.0]
    for first, second in zip(found, whole):
        scores = [dict(zip(part.prior_ids.tolist(), part.scores.tolist())) for part in (first, second)]
        shared = scores[0].keys() & scores[1].keys()
        both += len(shared)
        alone += len(scores[0]) + len(scores[1]) - 2 * len(shared)
        gaps += [abs(scores[0][key] - scores[1][key]) for key in shared]
    return {"shared": both, "alone": alone, "mean_gap": mean(gaps), "max_gap": max(gaps)}


if __name__ == "__main__":
    fire.Fire(main)
