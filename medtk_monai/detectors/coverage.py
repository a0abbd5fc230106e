"""Whether priors and assigner suit the objects of a data set, before any training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, inf
from statistics import geometric_mean

import torch
from torch import Tensor

from medtk_monai.anchors import PriorGenerator
from medtk_monai.anchors.layout import coarsest_stride, per_axis
from medtk_monai.assigners import Assigner
from medtk_monai.box_ops import box_centers, box_sizes, pairwise_iou
from medtk_monai.structures import Priors, Target
from medtk_monai.transforms.visibility import VisibilityRule

EDGES = (0, 2, 4, 6, 8, 12, 16, 24, 32, 64, inf)
"""Borders of the size bins, voxels: geometric mean of the sides."""
ENOUGH = 3
"""An object is well matched with this many priors."""


@dataclass(frozen=True)
class ObjectMatch:
    """How one object is learnt.

    Args:
        case: case id.
        size: geometric mean of the sides, voxels.
        positives: priors that learn it.
        best_iou: largest IoU of an anchor with it; None without anchors: points have no size that could fit.
        positives_per_level: priors of each level that learn it.
    """

    case: str
    size: float
    positives: int
    best_iou: float | None
    positives_per_level: tuple[int, ...] = ()


def match_objects(
    generator: PriorGenerator, assigner: Assigner, cases: Iterable[tuple[str, Target]], patch_size: int | Sequence[int]
) -> list[ObjectMatch]:
    """Assigns each object that is not ignored in a patch around it, with its neighbors.

    Args:
        cases: case ids, and the objects of whole images.
        patch_size: voxels, as in training; rounded up to the coarsest stride.
    """
    matches: list[ObjectMatch] = []
    priors: Priors | None = None
    for case, target in cases:
        dims = target.boxes.shape[1] // 2
        patch = _whole_cells(patch_size, generator, dims)
        if priors is None:
            cells = [[int(n // s) for n, s in zip(patch, per_axis(stride, dims))] for stride in generator.strides]
            priors = generator(cells, "cpu")
        for index in (~target.ignored).nonzero()[:, 0].tolist():
            matches.append(_match(priors, assigner, case, target, index, patch))
    return matches


def untaught_share(target: Target) -> float:
    """The share of an image that teaches nothing, since ignored objects cover it; 0 where none is ignored."""
    return 0.0 if target.ignored_region is None else float((target.ignored_region > 0).double().mean())


def _whole_cells(patch_size: int | Sequence[int], generator: PriorGenerator, dims: int) -> list[int]:
    return [ceil(n / s) * s for n, s in zip(per_axis(patch_size, dims), coarsest_stride(generator.strides, dims))]


def _match(priors: Priors, assigner: Assigner, case: str, target: Target, index: int, patch: Sequence[int]) -> ObjectMatch:
    box = target.boxes[index]
    start = [round(float(c) - n / 2) for c, n in zip(box_centers(box), patch)]
    # The object itself comes first, and stays even where it is larger than the patch.
    others = torch.tensor([i for i in range(len(target)) if i != index], dtype=torch.int64)
    shown = VisibilityRule()(target[others], start, patch)
    own = (box - box.new_tensor(start).repeat(2))[None]
    around = Target(
        torch.cat([own, shown.boxes]),
        torch.cat([target.labels[[index]], shown.labels]),
        torch.cat([torch.zeros(1, dtype=torch.bool), shown.ignored]),
        ignored_region=shown.ignored_region,
        in_region=None if shown.in_region is None else torch.cat([torch.zeros(1, dtype=torch.bool), shown.in_region]),
    )
    levels = priors.levels[assigner(priors, around).objects == 0]
    per_level = tuple(levels.bincount(minlength=int(priors.levels.max()) + 1).tolist())
    size = float(box_sizes(box).log().mean().exp())
    anchors = priors.boxes[~priors.points]
    best_iou = float(pairwise_iou(own, anchors).max()) if len(anchors) else None
    return ObjectMatch(case, size, len(levels), best_iou, per_level)


def summarize(matches: Sequence[ObjectMatch], strides: Sequence[float | Sequence[float]]) -> dict:
    """The match-coverage report.

    Returns:
        ``objects``; ``unmatched`` (case ids); ``bins``: for each occupied size bin its borders, the number of objects, the shares with 0,
        1 to 2, and at least 3 priors, and quartiles of the best IoU (None for points); ``finest_stride``, the geometric
        mean of its axes; ``small_size``, the tenth percentile of the sizes, voxels; ``advice``, sentences.
    """
    sizes = torch.tensor([m.size for m in matches], dtype=torch.float64)
    bins = []
    for low, high in zip(EDGES, EDGES[1:]):
        inside = [m for m in matches if low <= m.size < high]
        if inside:
            bins.append(_summarize_bin(inside, low, high))
    finest = min(geometric_mean(stride) if isinstance(stride, Sequence) else stride for stride in strides)
    small = sizes.quantile(0.1).item() if matches else None
    return {
        "objects": len(matches),
        "unmatched": [m.case for m in matches if m.positives == 0],
        "bins": bins,
        "finest_stride": finest,
        "small_size": small,
        "advice": _advise(matches, bins, finest, small),
    }


def _summarize_bin(inside: Sequence[ObjectMatch], low: float, high: float) -> dict:
    counts = torch.tensor([m.positives for m in inside])
    fits = torch.tensor([m.best_iou for m in inside if m.best_iou is not None])
    shares: dict[str, Tensor] = {"none": counts == 0, "few": (counts > 0) & (counts < ENOUGH), "enough": counts >= ENOUGH}
    return {
        "from": low,
        "to": None if high == inf else high,
        "objects": len(inside),
        **{name: share.double().mean().item() for name, share in shares.items()},
        "best_iou": fits.quantile(torch.tensor([0.25, 0.5, 0.75])).tolist() if len(fits) else None,
    }


def _advise(matches: Sequence[ObjectMatch], bins: Sequence[dict], finest: float, small: float | None) -> list[str]:
    if small is None:
        return ["There are no objects to match: check the datalist."]
    advice = []
    if finest > small / 2:
        wanted = max(1, 2 ** int(torch.tensor(small / 2).log2().floor()))
        advice.append(
            f"A tenth of the objects are smaller than {small:.1f} voxels: a finest stride of {wanted} suits them better than {finest:.3g}, "
            "but takes several times as long."
        )
    for part in bins:
        where = f"{part['from']:g} voxels and more" if part["to"] is None else f"{part['from']:g} to {part['to']:g} voxels"
        if part["enough"] < 0.9:
            share = f"{1 - part['enough']:.0%}"
            advice.append(f"{share} of the objects of {where} have fewer than {ENOUGH} priors: add candidates, or a finer level for them.")
        if part["best_iou"] and part["best_iou"][1] < 0.3:
            inside = [m.size for m in matches if part["from"] <= m.size < (part["to"] or inf)]
            typical = torch.tensor(inside).median().item()
            advice.append(
                f"No prior fits objects of {where} (best IoU {part['best_iou'][1]:.2f}): add anchors of about {typical:.0f} voxels."
            )
    return advice or ["Every size is matched well."]
