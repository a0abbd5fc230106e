"""Non-maximum suppression against MONAI's, on spread and clustered boxes: python -m benchmarks.nms [--device cuda] [--out FILE]."""

from __future__ import annotations

import resource
from collections.abc import Sequence

import fire
import torch
from monai.data import box_utils

from benchmarks.timing import report, time_in_turns
from medtk_monai.box_ops import nms

IOU = 0.3


def make_boxes(number: int, kind: str, spatial_dims: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """``spread``: hardly any overlap; ``clustered``: some 50 boxes around each of number / 50 objects."""
    generator = torch.Generator().manual_seed(0)
    side = 12.0 * number ** (1 / spatial_dims) * 2
    objects = number if kind == "spread" else max(number // 50, 1)
    centers = (torch.rand(objects, spatial_dims, generator=generator) * side).repeat(number // objects + 1, 1)[:number]
    if kind == "clustered":
        centers = centers + torch.randn(number, spatial_dims, generator=generator) * 2
    sizes = 8 + 8 * torch.rand(number, spatial_dims, generator=generator)
    boxes = torch.cat([centers - sizes / 2, centers + sizes / 2], dim=1)
    return boxes.to(device), torch.rand(number, generator=generator).to(device)


def main(device: str = "cpu", out: str | None = None, repeats: int = 7, numbers: Sequence[int] = (100, 1000, 3000, 10_000)) -> None:
    """Prints one line per case: milliseconds of both, their ratio, kept boxes."""
    place, rows = torch.device(device), []
    for dims in (2, 3):
        for kind in ("spread", "clustered"):
            for number in numbers:
                boxes, scores = make_boxes(number, kind, dims, place)
                labels = torch.zeros(number, dtype=torch.int64, device=place)
                ours = nms(boxes, scores, labels, IOU)
                assert ours.tolist() == box_utils.non_max_suppression(boxes, scores, nms_thresh=IOU, max_proposals=-1).tolist()
                seconds = time_in_turns(
                    {
                        "ours": lambda b=boxes, s=scores, c=labels: nms(b, s, c, IOU),
                        "monai": lambda b=boxes, s=scores: box_utils.non_max_suppression(b, s, nms_thresh=IOU, max_proposals=-1),
                    },
                    place,
                    repeats,
                )
                rows.append(
                    {
                        "dims": dims,
                        "kind": kind,
                        "boxes": number,
                        "kept": len(ours),
                        "ours_ms": 1e3 * seconds["ours"],
                        "monai_ms": 1e3 * seconds["monai"],
                        "times_faster": seconds["monai"] / seconds["ours"],
                    }  # fmt: skip
                )
    peak = torch.cuda.max_memory_allocated(place) if place.type == "cuda" else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    report([*rows, {"peak_memory_gb": peak / 1e9}], place, out)


if __name__ == "__main__":
    fire.Fire(main)
