"""What a file lost, measured: cases compared with what was read back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from medtk_monai.formats.cases import Case, grid_of, world_boxes

_TOLERANCE_MM = 0.01
_TOLERANCE_DEGREES = 0.01
_GRID_TOLERANCE_MM = 1e-3
_TIE_BREAK = 1e-3


@dataclass(frozen=True)
class _Comparison:
    """Deviations of the M findings that are in both versions of one case, and what else differs."""

    shift_mm: np.ndarray
    resize_mm: np.ndarray
    rescore: np.ndarray
    relabeled: np.ndarray
    unnumbered: np.ndarray
    """Findings whose prior id is gone; empty if there were none."""
    turn_degrees: float
    lost: int
    added: int
    image_lost: bool
    grid_lost: bool


def find_losses(source: Sequence[Case], back: Sequence[Case]) -> list[str]:
    """Compare cases with what a file of them was read back as; a line with counts for each kind of loss, none if all was kept.

    Cases belong together by id, or when there is one of each; findings by their centers, whatever their order. The frame does not
    count.
    """
    found = {case["case_id"]: case for case in back}
    renamed = len(source) == len(back) == 1 and source[0]["case_id"] not in found
    pairs = [(source[0], back[0])] if renamed else [(case, found[case["case_id"]]) for case in source if case["case_id"] in found]
    kept = {first["case_id"] for first, _ in pairs}
    gone = [case for case in source if case["case_id"] not in kept]
    lines = []
    if gone:
        names = ", ".join(case["case_id"] for case in gone[:3]) + (", ..." if len(gone) > 3 else "")
        lines.append(f"cases: {len(gone)} of {len(source)} lost ({names})")
    if renamed:
        lines.append(f"case ids: 1 of 1 not kept ({source[0]['case_id']!r} is read as {back[0]['case_id']!r})")
    return lines + _lines(pairs, [_compare(*pair) for pair in pairs], sum(len(case["scores"]) for case in gone))


def _lines(pairs: Sequence[tuple[Case, Case]], parts: Sequence[_Comparison], gone: int) -> list[str]:
    """Sums over the cases that are in both."""
    lost, total = gone + sum(part.lost for part in parts), gone + sum(len(case["scores"]) for case, _ in pairs)
    lines = [f"findings: {lost} of {total} lost"] if lost else []
    added = sum(part.added for part in parts)
    lines += [f"findings: {added} more than before"] if added else []
    lines += _deviations("centers", "moved", "mm", [part.shift_mm for part in parts], _TOLERANCE_MM)
    lines += _deviations("sizes", "changed", "mm", [part.resize_mm for part in parts], _TOLERANCE_MM)
    lines += _deviations("directions", "turned", "degrees", [np.array([part.turn_degrees]) for part in parts], _TOLERANCE_DEGREES)
    lines += _deviations("scores", "not kept", "", [part.rescore for part in parts], 0)
    lines += _count("labels", "changed", [part.relabeled for part in parts])
    lines += _count("prior ids", "not kept", [part.unnumbered for part in parts])
    has_image = [part for (case, _), part in zip(pairs, parts) if case["image"]]
    has_grid = [part for (case, _), part in zip(pairs, parts) if "grid" in case]
    lines += _count("image paths", "not kept", [np.array([part.image_lost]) for part in has_image])
    return lines + _count("voxel grids", "not kept", [np.array([part.grid_lost]) for part in has_grid])


def _deviations(what: str, verb: str, unit: str, parts: Iterable[np.ndarray], tolerance: float) -> list[str]:
    values = np.concatenate([*parts, np.zeros(0)])
    wrong = values[values > tolerance]
    return [f"{what}: {len(wrong)} of {len(values)} {verb}, by up to {wrong.max():.3g} {unit}".rstrip()] if len(wrong) else []


def _count(what: str, verb: str, parts: Iterable[np.ndarray]) -> list[str]:
    values = np.concatenate([*parts, np.zeros(0, dtype=bool)])
    return [f"{what}: {np.count_nonzero(values)} of {len(values)} {verb}"] if values.any() else []


def _compare(source: Case, back: Case) -> _Comparison:
    centers, sizes, direction = world_boxes(source, "RAS")
    other_centers, other_sizes, other_direction = world_boxes(back, "RAS")
    axes, turn = _pair_axes(direction, other_direction)
    other_sizes = other_sizes[:, axes]
    scores, other_scores = (np.array(case["scores"], dtype=np.float32).astype(np.float64) for case in (source, back))
    labels, other_labels = (np.array(case["labels"], dtype=np.int64) for case in (source, back))
    distances = np.linalg.norm(centers[:, None] - other_centers[None], axis=-1)
    unlike = np.abs(sizes[:, None] - other_sizes[None]).sum(axis=-1) + np.abs(scores[:, None] - other_scores[None])
    first, second = linear_sum_assignment(distances + _TIE_BREAK * (unlike + (labels[:, None] != other_labels[None])))
    priors, other_priors = source.get("prior_ids", []), back.get("prior_ids", [-1] * len(other_centers))
    return _Comparison(
        shift_mm=distances[first, second],
        resize_mm=np.abs(sizes[first] - other_sizes[second]).max(axis=1, initial=0),
        rescore=np.abs(scores[first] - other_scores[second]),
        relabeled=labels[first] != other_labels[second],
        unnumbered=np.array([priors[i] != other_priors[j] for i, j in zip(first, second)] if priors else [], dtype=bool),
        turn_degrees=turn if sizes[first].any() and other_sizes[second].any() else 0.0,
        lost=len(centers) - len(first),
        added=len(other_centers) - len(second),
        image_lost=source["image"] != back["image"],
        grid_lost=_grid_lost(source, back),
    )


def _pair_axes(direction: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, float]:
    """Which axis of the other box is which of ours, either way round, and the largest angle between them."""
    _, axes = linear_sum_assignment(-np.abs(direction.T @ other))
    turned = other[:, axes]
    signs = np.where((direction * turned).sum(axis=0) < 0, -1, 1)
    chords = np.linalg.norm(direction - turned * signs, axis=0)
    return axes, float(np.degrees(2 * np.arcsin(np.clip(chords / 2, 0, 1))).max())


def _grid_lost(source: Case, back: Case) -> bool:
    if "grid" not in source or "grid" not in back:
        return "grid" in source
    (size, affine), (other_size, other_affine) = grid_of(source), grid_of(back)
    return size != other_size or not np.allclose(affine, other_affine, rtol=0, atol=_GRID_TOLERANCE_MM)
