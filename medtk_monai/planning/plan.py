"""From the numbers of a data set to the values of a bundle, each with its reason (after Isensee et al., nnU-Net, Nature Methods 2021)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.atomic import write_text_atomically
from medtk_monai.bundle import keys
from medtk_monai.errors import DataError
from medtk_monai.planning.facts import DataFacts
from medtk_monai.planning.geometry import ENOUGH_VOXELS, Grid, Levels, choose_grid, choose_levels, choose_patch, free_axes
from medtk_monai.planning.preprocessing import preprocessing
from medtk_monai.planning.priors import fit_anchors, mean_best_iou, suits_anchors

_STEP_VOXELS = 400_000
"""Of a batch: enough for stable gradients of a few objects each, and seconds rather than minutes on a CPU."""
_STEPS = 2000
_LARGEST_BATCH = 16
_WINDOW = {2: 1024, 3: 160}
_BOXES_COUNT, _OVERLAPPING = 10.0, 0.2
_CUT = 0.05
_BENDS = {"rotation": 15.0, "scale": 1.25, "stretch": 1.1}
"""In 2D, where images are few and bending them costs little."""
PLAN, EXPLANATION = "plan.json", "plan.md"


@dataclass(frozen=True)
class Wishes:
    """What the user decides.

    Args:
        memory_gb: that a training step may take.
        head: "anchor", "point", or None to choose.
        min_volume_mm3, max_volume_mm3: as for ``LoadCased``.
        point_radius_mm: of points that tell none.
    """

    memory_gb: float
    head: str | None = None
    min_volume_mm3: float = 0.0
    max_volume_mm3: float | None = None
    point_radius_mm: float | None = None


@dataclass(frozen=True)
class Plan:
    """Values of a bundle.

    Args:
        values: to lay over its train.json.
        reasons: (what, value in words, why) of each choice.
    """

    values: dict[str, Any]
    reasons: Sequence[tuple[str, str, str]]

    def write(self, folder: str | Path) -> None:
        """Write plan.json, the overlay, and plan.md, which explains it."""
        write_text_atomically(Path(folder) / PLAN, json.dumps(self.values, indent=4) + "\n")
        write_text_atomically(Path(folder) / EXPLANATION, self.explanation)

    @property
    def explanation(self) -> str:
        """Markdown, a paragraph for each choice."""
        return "# The plan\n\n" + "\n".join(f"- **{what}: {value}.** {why}" for what, value, why in self.reasons) + "\n"


Memory = Callable[[Mapping[str, Any]], float]
"""Bytes that a training step takes with some values of the bundle."""


def make_plan(facts: DataFacts, wishes: Wishes, memory: Memory, span: tuple[int, int] | None = None) -> Plan:
    """Plan a training.

    Args:
        memory: of a training step.
        span: of the levels, see ``choose_levels``.

    Raises:
        DataError: not even a single patch fits into the memory.
    """
    grid = choose_grid(facts)
    levels = choose_levels(facts, grid, span)
    sides = facts.sides_mm / grid.spacing
    anchors = fit_anchors(sides, levels.level_strides)
    head = wishes.head or ("anchor" if suits_anchors(facts) else "point")
    network = _network_values(facts, wishes, levels, anchors, head) | _border_values(facts)
    patch, batch, taken = _fit_memory(network, choose_patch(facts, grid, levels), levels, wishes, memory)
    axes = free_axes(facts)
    values = network | _training_values(facts, grid, levels, patch, batch, axes) | _inference_values(facts, grid, levels)
    return Plan(values, _reasons(facts, grid, levels, anchors, head, values, axes, taken))


def _network_values(facts: DataFacts, wishes: Wishes, levels: Levels, anchors: list[list[list[float]]], head: str) -> dict[str, Any]:
    count, dims = len(levels.steps), facts.dims
    depth = [1] + [2] * (count - 1) if dims == 2 else [2 if 0 in levels.chosen else 1] + [1] * (count - 1)
    return {
        "spatial_dims": dims,
        "in_channels": facts.channels,
        "num_classes": facts.num_classes,
        "min_volume_mm3": wishes.min_volume_mm3,
        "max_volume_mm3": wishes.max_volume_mm3,
        **({} if wishes.point_radius_mm is None else {"point_radius_mm": wishes.point_radius_mm}),
        keys.HEAD: keys.head_named(head),
        "anchor_sizes": [[_short(anchor) for anchor in level] for level in anchors],
        "channels": 32 if dims == 3 else 48,
        keys.STAGE_CHANNELS: [32 * min(index + 1, 5) for index in range(count)],
        keys.STAGE_STRIDES: [_short(step) for step in levels.steps],
        keys.STAGE_BLOCKS: depth,
        keys.LEVELS: list(levels.chosen),
    }


def _is_cut(facts: DataFacts) -> bool:
    """Whether the border of the image cuts more than one in twenty objects."""
    return facts.at_border > _CUT


def _border_values(facts: DataFacts) -> dict[str, Any]:
    """Reflection hides the border that cuts an object, and its face with it; among zeros it is seen."""
    return {"padding_mode": "zeros" if _is_cut(facts) else "reflect"}


def _fit_memory(
    network: Mapping[str, Any], patch: tuple[int, ...], levels: Levels, wishes: Wishes, memory: Memory
) -> tuple[tuple[int, ...], int, float]:
    """Patch, batch, and the bytes that they take: first the batch is halved, then the patch along its longest axis made smaller."""
    limit = wishes.memory_gb * 1e9
    batch = int(np.clip(2 ** round(np.log2(_STEP_VOXELS / np.prod(patch))), 2, _LARGEST_BATCH))
    while True:
        taken = memory({**network, "patch_size": _short(patch), "batch_size": batch})
        if taken <= limit:
            return patch, batch, taken
        if batch > 1:
            batch //= 2
        elif all(side <= 2 * stride for side, stride in zip(patch, levels.coarsest)):
            what = f"a single patch of {' x '.join(map(str, patch))} voxels takes {taken / 1e9:.2f} GB"
            raise DataError(what, remedy=f"give more than --memory {wishes.memory_gb:g}")
        else:
            longest = int(np.argmax(np.divide(patch, levels.coarsest)))
            patch = tuple(side - stride * (axis == longest) for axis, (side, stride) in enumerate(zip(patch, levels.coarsest)))


def _training_values(
    facts: DataFacts, grid: Grid, levels: Levels, patch: tuple[int, ...], batch: int, axes: Sequence[int]
) -> dict[str, Any]:
    per_case = ceil(_STEPS / len(facts.spacing))
    epochs = max(round(_STEPS * batch / (per_case * len(facts.spacing))), 1)
    swappable = _swappable(patch, grid, axes)
    ranges: dict[str, Any] = {"_target_": "medtk_monai.transforms.WarpRanges", "flip_prob": 0.5 if axes else 0.0}
    ranges |= {"flip_axes": list(axes), "swap_prob": 0.5 if swappable else 0.0}
    ranges |= _BENDS if facts.dims == 2 else {}
    return {
        keys.TRANSFORMS: preprocessing(facts, grid),
        "patch_size": _short(patch),
        "batch_size": batch,
        "samples_per_case": per_case,
        "max_epochs": epochs,
        "val_interval": max(epochs // 4, 1),
        keys.OVERHANG: _short([side // (8 if _is_cut(facts) else 3) for side in patch]),
        keys.RANGES: ranges | ({"swap_axes": swappable} if swappable else {}),
    }


def _swappable(patch: Sequence[int], grid: Grid, axes: Sequence[int]) -> list[int]:
    """Two axes that can be exchanged: equal in the patch and in mm per voxel, and both free to be mirrored."""
    pairs = [(a, b) for a in axes for b in axes if a < b]
    alike = [(a, b) for a, b in pairs if patch[a] == patch[b] and abs(grid.spacing[a] / grid.spacing[b] - 1) < 0.1]
    return list(alike[0]) if alike else []


def _inference_values(facts: DataFacts, grid: Grid, levels: Levels) -> dict[str, Any]:
    margin = [2 * stride for stride in levels.coarsest]
    image = np.percentile(facts.size * facts.spacing / grid.spacing, 95, axis=0)
    window = [
        min(ceil(side / stride) * stride + 2 * edge, max(_WINDOW[facts.dims], 4 * edge))
        for side, stride, edge in zip(image, levels.coarsest, margin)
    ]
    return {
        "window_size": _short(window),
        "margin": _short(margin),
        keys.MAX_DETECTIONS: max(50, 2 * facts.most_objects),
        **_box_values(facts, grid),
    }


def _box_values(facts: DataFacts, grid: Grid) -> dict[str, Any]:
    """Small objects are found or not; of larger ones the boxes count: their loss weighs more, scores learn their IoU, cells of an object
    that have not got its box learn that they are background, and the boxes of one object are averaged. Neighbors that overlap must not be
    taken for one object: their scores are lowered only."""
    iou, small = nms_iou(facts), are_small(facts, grid)
    if facts.overlap > _OVERLAPPING:
        suppressor: dict[str, Any] = {"_target_": "medtk_monai.suppressors.SoftNMS", "decay": "linear", "iou": iou}
    elif small:
        suppressor = {"_target_": "medtk_monai.suppressors.NMS", "iou": iou}
    else:
        suppressor = {"_target_": "medtk_monai.suppressors.WeightedBoxClustering", "iou": max(iou, 0.3)}
    boxes = {
        keys.BOX_WEIGHT: 2,
        keys.QUALITY: {"_target_": "medtk_monai.losses.IoUQuality"},
        **dict.fromkeys(keys.IGNORE_NEAR, False),
        "key_metric": "ap@0.5",
    }
    return {keys.SUPPRESSOR: suppressor} | ({} if small else boxes)


def are_small(facts: DataFacts, grid: Grid) -> bool:
    """Whether one in ten objects of a class has less than ten voxels a side (geometric mean)."""
    return bool(facts.class_percentiles(10, np.exp(np.log(facts.sides_mm / grid.spacing).mean(axis=1))).min() < _BOXES_COUNT)


def nms_iou(facts: DataFacts) -> float:
    """Above the overlap of all but one in a hundred objects with their neighbors."""
    return round(float(np.clip(facts.overlap + 0.1, 0.1, 0.6)), 2)


def _short(values: Sequence[float]) -> Any:
    """One value for all axes where they are equal."""
    listed = [value if isinstance(value, float) else int(value) for value in values]
    return listed[0] if len(set(listed)) == 1 else listed


def _reasons(
    facts: DataFacts, grid: Grid, levels: Levels, anchors: list[list[list[float]]], head: str,
    values: Mapping[str, Any], axes: Sequence[int], taken: float,
) -> list[tuple[str, str, str]]:  # fmt: skip
    sides = facts.sides_mm / grid.spacing
    means = np.exp(np.log(sides).mean(axis=1))
    small, large = facts.class_percentiles(10, means).min(), np.percentile(means, 90)
    iou = mean_best_iou(sides, np.array([anchor for level in anchors for anchor in level]))
    coarser = f"the median spacing, {grid.factor:g} times coarser, as even small objects keep {ENOUGH_VOXELS:g} voxels a side"
    unit = "pixels" if facts.dims == 2 and (facts.spacing == 1).all() else "mm"
    names, suppressor = "xyz"[: facts.dims], values[keys.SUPPRESSOR]
    blocked = [name for axis, name in enumerate(names) if axis not in axes]
    return [
        ("Spacing", _times(grid.spacing, unit), f"It is {coarser if grid.factor > 1 else 'the median of the cases'}."
         + ("" if grid.resample else " Images keep their own, which lies within a fifth of it.")),
        ("Levels", f"cells of {', '.join(_times(s) for s in levels.level_strides)} voxels",
         f"Nine in ten objects of each class have sides of more than {small:.1f} voxels, of all nine in ten less than {large:.1f} (geometric mean)."),
        ("Head", head, "The objects of each class are of one size, which anchors fit." if head == "anchor"
         else "Sizes differ too much for a few anchors, or too little is known of them; points need none."),
        ("Anchors", str(values["anchor_sizes"]), f"Fitted to the objects: the mean of the best IoU is {iou:.2f}." + ("" if head == "anchor" else " For --head anchor; points need none.")),
        ("Patch", f"{_times(_listed(values['patch_size'], facts.dims))} voxels, {values['batch_size']} at once",
         f"{'Twice' if facts.dims == 2 else '1.7 times'} the sides of large objects, or the whole image. A step is expected to take {taken / 1e9:.2f} GB."),
        ("Mirror images", f"along {', '.join(names[axis] for axis in axes) or 'no axis'}",
         f"Classes lie one behind the other along {', '.join(blocked)}, which a mirror would turn round." if blocked
         else "No axis tells the classes apart."),
        ("Border of the image", values["padding_mode"],
         f"It cuts {facts.at_border:.0%} of the objects" + (", and reflection would hide where they end." if _is_cut(facts) else ".")),
        ("Intensities", facts.unit, "See the transforms under preprocessing."),
        ("Windows", f"up to {_times(_listed(values['window_size'], facts.dims))} voxels with a margin of {values['margin']}",
         "Two of the coarsest cells of context on each side."),
        ("Suppression", f"{suppressor['_target_'].rpartition('.')[2]}, IoU {suppressor['iou']:g}", f"All but one in a hundred objects overlap another one of their class by less than {facts.overlap:.2f}."),
        ("Length", f"{values['max_epochs']} epochs of {values['samples_per_case']} patches a case",
         f"About {_STEPS} steps. Train longer where the loss still falls."),
    ]  # fmt: skip


def _listed(value: Any, dims: int) -> list[Any]:
    return list(value) if isinstance(value, Sequence) else [value] * dims


def _times(values: Sequence[float], unit: str = "") -> str:
    return " x ".join(f"{value:g}" for value in values) + (f" {unit}" if unit else "")
