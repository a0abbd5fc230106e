"""Label assignment at 112,000 anchors, ATSS against MONAI's: python -m benchmarks.assigners [--device cuda] [--out FILE]."""

from __future__ import annotations

import fire
import torch
from monai.apps.detection.utils.ATSS_matcher import ATSSMatcher
from monai.data.box_utils import box_iou

from benchmarks.timing import report, time_in_turns
from medtk_monai.anchors import AnchorGenerator
from medtk_monai.assigners import (
    ATSSAssigner,
    DistAssigner,
    IoUAssigner,
    MaxIoUAssigner,
    NearestAssigner,
    SimOTAAssigner,
    TaskAlignedAssigner,
    UniformAssigner,
)
from medtk_monai.structures import Prediction, Target

STRIDES, SIZES, CELLS = [4, 8], [[6, 10, 14], [20, 28, 36]], [(32, 32, 32), (16, 16, 16)]
OTHERS = [
    IoUAssigner(0.3, 0.2), MaxIoUAssigner(), DistAssigner(), NearestAssigner(), UniformAssigner(), UniformAssigner(use_prediction=True),
    TaskAlignedAssigner(), SimOTAAssigner(),
]  # fmt: skip


def make_target(number: int, device: torch.device) -> Target:
    """Boxes of 4 to 30 voxels anywhere in a volume of 128 voxels per side."""
    generator = torch.Generator().manual_seed(0)
    sizes = 4 + 26 * torch.rand(number, 3, generator=generator) ** 2
    lower = torch.rand(number, 3, generator=generator) * (128 - sizes)
    boxes = torch.cat([lower, lower + sizes], dim=1)
    return Target(boxes, torch.zeros(number, dtype=torch.int64), torch.zeros(number, dtype=torch.bool)).to(device)


def main(device: str = "cpu", out: str | None = None, repeats: int = 9) -> None:
    """Prints one line per number of objects for ATSS, and one per other assigner at 32 objects."""
    place, rows = torch.device(device), []
    priors = AnchorGenerator(STRIDES, SIZES)(CELLS, place)
    prediction = Prediction(torch.zeros(len(priors), 1, device=place), priors.boxes)
    matcher = ATSSMatcher(num_candidates=4, similarity_fn=box_iou, center_in_gt=False)
    assigner = ATSSAssigner(4, center_inside=False, ignore_near=False)
    locations = [len(priors.boxes[priors.levels == level]) // len(SIZES[level]) for level in range(2)]
    for number in (1, 8, 32):
        target = make_target(number, place)
        seconds = time_in_turns(
            {
                "ours": lambda t=target: assigner(priors, t),
                "monai": lambda t=target: matcher(t.boxes, priors.boxes, locations, len(SIZES[0])),
            },
            place,
            repeats,
        )
        rows.append(
            {
                "assigner": "ATSS",
                "anchors": len(priors),
                "objects": number,
                "ours_ms": 1e3 * seconds["ours"],
                "monai_ms": 1e3 * seconds["monai"],
                "times_faster": seconds["monai"] / seconds["ours"],
            }  # fmt: skip
        )
    target = make_target(32, place)
    default = ATSSAssigner()
    calls = {str(default): lambda: default(priors, target, prediction)}
    calls |= {str(other): lambda a=other: a(priors, target, prediction) for other in OTHERS}
    seconds = time_in_turns(calls, place, repeats)
    for name, value in seconds.items():
        rows.append({"assigner": name, "objects": 32, "ms": 1e3 * value, "cost_of_atss": value / seconds[str(default)]})
    report(rows, place, out)


if __name__ == "__main__":
    fire.Fire(main)
