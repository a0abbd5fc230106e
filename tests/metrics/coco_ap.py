"""COCO's average precision with crowds, stated once more in plain loops, and random sets that it can be asked of."""

from __future__ import annotations

from typing import Any

import numpy as np

Case = dict[str, Any]


def random_set(seed: int) -> list[Case]:
    """Pictures with ``objects`` (M, 4) of which some are ``crowd`` (M,), ``found`` boxes (N, 4) and distinct ``scores`` (N,).

    The others are 29, a prime number, where COCO's rounding of recalls plays no part.
    """
    rng = np.random.default_rng(seed)
    return [_random_case(rng, count) for count in rng.multinomial(29, [1 / 12] * 12)]


def _random_case(rng: np.random.Generator, count: int) -> Case:
    objects, crowd, found = [], [], []
    for _ in range(count):
        box = _boxes(rng, 8, 20)
        objects.append(box)
        crowd.append(False)
        found += [box + np.tile(rng.normal(0, noise, 2), 2) for noise in (0.6, 2.0) if rng.random() < 0.6]
    for _ in range(rng.integers(0, 3)):
        box = _boxes(rng, 25, 60)
        objects.append(box)
        crowd.append(True)
        starts = box[:2] + rng.uniform(-8, 45, (4, 2))
        found += [np.concatenate([start, start + rng.uniform(6, 12, 2)]) for start in starts]
        found += [box + rng.normal(0, 3.0, 4)] * (rng.random() < 0.5)
    found += [_boxes(rng, 6, 14) for _ in range(rng.integers(0, 3))]
    return {
        "objects": np.reshape(objects, (-1, 4)),
        "crowd": np.array(crowd, dtype=bool),
        "found": np.reshape(found, (-1, 4)),
        "scores": rng.random(len(found)).astype(np.float32),
    }


def _boxes(rng: np.random.Generator, least: float, most: float) -> np.ndarray:
    corner = rng.uniform(0, 60, 2)
    return np.concatenate([corner, corner + rng.uniform(least, most, 2)])


def area(box: np.ndarray) -> float:
    return float(max(box[2] - box[0], 0) * max(box[3] - box[1], 0))


def overlap(found: np.ndarray, box: np.ndarray, crowd: bool) -> float:
    """IoU; of a crowd the share of the finding that lies in it."""
    common = area(np.concatenate([np.maximum(found[:2], box[:2]), np.minimum(found[2:], box[2:])]))
    return common / (area(found) if crowd else area(found) + area(box) - common)


def coco_outcomes(case: Case, iou: float) -> list[str]:
    """Of each finding "tp", "fp" or "aside": best scores first, each takes the free object that it overlaps most; a crowd takes any number."""
    outcomes, taken = ["fp"] * len(case["found"]), set()
    for i in np.argsort(-case["scores"], kind="stable"):
        free = [j for j, crowd in enumerate(case["crowd"]) if not crowd and j not in taken]
        hits = {j: overlap(case["found"][i], case["objects"][j], False) for j in free}
        best = max(hits, key=lambda j: hits[j], default=None)
        if best is not None and hits[best] >= iou:
            outcomes[i] = "tp"
            taken.add(best)
        elif any(overlap(case["found"][i], box, True) >= iou for box in case["objects"][case["crowd"]]):
            outcomes[i] = "aside"
    return outcomes


def coco_ap(cases: list[Case], iou: float) -> float:
    """Of all findings that are not set aside: the mean over 101 recalls of the best precision from there on."""
    told = [(score, outcome) for case in cases for score, outcome in zip(case["scores"], coco_outcomes(case, iou)) if outcome != "aside"]
    total = sum(int((~case["crowd"]).sum()) for case in cases)
    right = np.cumsum([outcome == "tp" for _, outcome in sorted(told, key=lambda row: -row[0])])
    precision = right / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(right / total, np.linspace(0, 1, 101), side="left")
    return float(np.mean([best[place] if place < len(best) else 0.0 for place in places]))
