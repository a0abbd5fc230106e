"""Mixed-up coordinates, told by where boxes would lie if they were read in other ways."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from medtk_monai.box_ops import visible_fractions
from medtk_monai.doctor.entries import Entry
from medtk_monai.doctor.examined import Examined
from medtk_monai.doctor.faults import Fault
from medtk_monai.doctor.readings import LPS, RAS, Reading, read_boxes, readings_for, stated_reading

_VISIBLE = 0.5
"""Share of a box that must lie in the image for it to be a likely place."""
_ENOUGH = 3
"""Boxes that must speak for a reading before it is taken for the right one."""
_RIVALS, _OUTWEIGHS = 1.2, 3.0
"""Factors by which a reading that differs in more ways must fit more boxes to be as likely, and to be the likelier one."""


@dataclass(frozen=True)
class Suspect:
    """A case whose boxes do not lie in its image as they are stated, and the other readings that place them all."""

    entry: Entry
    affine: np.ndarray
    readings: tuple[Reading, ...]


def check_frames(entries: Sequence[Entry], scans: Sequence[Examined]) -> list[Fault]:
    """Cases in a wrong or an unstated frame, with the reading that mends them where the boxes of all such cases decide for one."""
    placed = [(entry, scan) for entry, scan in zip(entries, scans) if _is_placed(entry, scan)]
    suspects = [suspect for entry, scan in placed if (suspect := _suspect(entry, scan))]
    support: dict[tuple[Reading, Reading], int] = defaultdict(int)
    for suspect in suspects:
        for reading in suspect.readings:
            support[stated_reading(suspect.entry), reading] += len(suspect.entry.boxes)
    found = [finding for suspect in suspects if (finding := _judge(suspect, support))]
    return found + _judge_rest(placed, found) + _settle_unstated(placed)


def count_fits(entries: Sequence[Entry], scans: Sequence[Examined]) -> dict[str, int]:
    """How many boxes of the whole data set lie in their image under each reading, best first."""
    counts: dict[str, int] = defaultdict(int)
    for entry, scan in zip(entries, scans):
        if _is_placed(entry, scan):
            for reading in readings_for(entry):
                counts[str(reading)] += int(_fits(entry, reading, scan).sum())
    return dict(sorted(counts.items(), key=lambda pair: -pair[1]))


def _is_placed(entry: Entry, scan: Examined) -> bool:
    image = scan.image
    return bool(len(entry.boxes)) and image is not None and image.usable_affine and entry.boxes.shape[1] == 2 * len(image.size)


def _fits(entry: Entry, reading: Reading, scan: Examined, any_size: bool = False) -> np.ndarray:
    """(N,) bool: whether boxes have sizes above 0 (unless ``any_size``), fit into the image, and lie in it for the greater part."""
    image = scan.image
    assert image is not None
    boxes, sizes = read_boxes(entry, reading, image.affine)
    sides = boxes[:, len(image.size) :] - boxes[:, : len(image.size)]
    inside = visible_fractions(torch.from_numpy(boxes), image.size).numpy() >= _VISIBLE
    if any_size:
        middle = (boxes[:, len(image.size) :] + boxes[:, : len(image.size)]) / 2
        flat = (sides <= 1e-6).any(axis=1)
        inside |= flat & ((middle >= 0) & (middle <= image.size)).all(axis=1)
    return inside & (sides <= image.size).all(axis=1) & (any_size | (sizes > 0).all(axis=1))


def _suspect(entry: Entry, scan: Examined) -> Suspect | None:
    """The case, if half of its boxes or more lie wrong, or if none has proper sizes."""
    stated = stated_reading(entry)
    if not entry.space and _fits(entry, Reading(LPS), scan).all():
        return None  # told as a frame that is not stated
    lies_well = _fits(entry, stated, scan, any_size=True)
    if 2 * lies_well.sum() > len(lies_well) and _fits(entry, stated, scan).any():
        return None
    only_sizes = bool(lies_well.all())
    others = [reading for reading in readings_for(entry) if reading != stated and (reading.corners or not only_sizes)]
    readings = _without_blown_up(entry, scan, [reading for reading in others if _fits(entry, reading, scan).all()])
    return Suspect(entry, scan.image.affine, readings) if readings else None  # type: ignore[union-attr]


def _without_blown_up(entry: Entry, scan: Examined, readings: Sequence[Reading]) -> tuple[Reading, ...]:
    """Of center and size and of corners in one frame, the one with the smaller boxes: an upper corner is a large size."""
    volumes: dict[Reading, float] = {}
    for reading in readings:
        _, sizes = read_boxes(entry, reading, scan.image.affine)  # type: ignore[union-attr]
        volumes[reading] = float(np.median(sizes.prod(axis=1)))
    return tuple(r for r in readings if volumes[r] <= volumes.get(replace(r, corners=not r.corners), np.inf))


def _judge(suspect: Suspect, support: Mapping[tuple[Reading, Reading], int]) -> Fault | None:
    entry, stated = suspect.entry, stated_reading(suspect.entry)
    likely = _likeliest(suspect, {reading: support[stated, reading] for reading in suspect.readings})
    what = f"{len(entry.boxes)} boxes do not lie in the image as {stated}"
    place = {**entry.place, "file": entry.image, "objects": entry.numbers}
    strength = support[stated, likely[0]]
    if len(likely) == 1 and strength >= _ENOUGH:
        what += f", but all do as {likely[0]}, which places {strength} such boxes of the data set"
        return Fault("wrong_frame", what, f"rewrite them: they are {likely[0]}", **place, mend=likely[0])
    if strength < _ENOUGH:
        likely = [reading for reading in likely if reading.distance(stated) == 1]
        if all(reading.corners for reading in likely):
            return None  # each box is told by itself
    what += f"; they would as {' or as '.join(map(str, likely))}, but {strength} boxes are too few to tell"
    return Fault("unclear_frame", what, "find out how the boxes were written, and correct them", **place)


def _judge_rest(placed: Sequence[tuple[Entry, Examined]], found: Sequence[Fault]) -> list[Fault]:
    """The other cases that state the same, if half of all or more are in one wrong frame, and in that one no box lies wrong."""
    rest = []
    told = {(finding.split, finding.index): finding for finding in found}
    for stated in {stated_reading(entry) for entry, _ in placed}:
        group = [(entry, scan) for entry, scan in placed if stated_reading(entry) == stated]
        others = [(entry, scan) for entry, scan in group if (entry.split, entry.index) not in told]
        meant = {told[entry.split, entry.index].mend for entry, _ in group if (entry.split, entry.index) in told}
        reading = meant.pop() if len(meant) == 1 else None
        if reading is None or 2 * len(others) > len(group) or not all(_fits(entry, reading, scan).all() for entry, scan in others):
            continue
        what = f"boxes lie in the image as {stated} and as {reading}, but those of {len(group) - len(others)} of {len(group)} cases only so"
        rest += [
            Fault("wrong_frame", what, f"rewrite them: they are {reading}", **entry.place, file=entry.image, mend=reading)
            for entry, _ in others
        ]
    return rest


def _likeliest(suspect: Suspect, support: Mapping[Reading, int]) -> list[Reading]:
    """Readings that differ least from what is stated, and others that fit more boxes; of these, those that fit most."""
    stated = stated_reading(suspect.entry)
    best: list[Reading] = []
    for distance in (1, 2, 3):
        rivals = [reading for reading in suspect.readings if reading.distance(stated) == distance]
        most = max((support[reading] for reading in rivals), default=0)
        top = [reading for reading in rivals if support[reading] == most]
        if not best or most >= _OUTWEIGHS * support[best[0]]:
            best = top or best
        elif most >= _RIVALS * support[best[0]]:
            best = best + top
    return best


def _settle_unstated(placed: Sequence[tuple[Entry, Examined]]) -> list[Fault]:
    """For cases that do not state a frame: the one that boxes lie in their images in, if no box does so in the other alone."""
    fits = {
        frame: [(entry, _fits(entry, Reading(frame), scan, any_size=True)) for entry, scan in placed if not entry.space]
        for frame in (RAS, LPS)
    }
    alone = {RAS: 0, LPS: 0}
    for (_, first), (_, second) in zip(fits[RAS], fits[LPS]):
        alone[RAS] += int((first & ~second).sum())
        alone[LPS] += int((second & ~first).sum())
    if bool(alone[RAS]) == bool(alone[LPS]):
        return []
    frame = RAS if alone[RAS] else LPS
    what, remedy = f"boxes without a frame lie in the image as {frame} only", f'add "space": "{frame}"'
    return [Fault("no_space", what, remedy, **entry.place, mend=frame) for entry, inside in fits[frame] if inside.any()]
