"""The worst misses and the best-scored false positives of many cases, as one picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from medtk_monai.box_ops import box_centers, box_sizes
from medtk_monai.metrics import CaseMatches, Outcome
from medtk_monai.structures import Detections, Target
from medtk_monai.visualize.panels import BACKGROUND, Place, font, slice_panel, turned, window_of_scan

_MISS_COLOR, _ALARM_COLOR, _LETTERS = "#ffb000", "#ff5a4d", "#dbe4ec"
_SIDE, _GAP, _TEXT, _HEAD, _MIN_WIDTH = 150, 4, 32, 26, 330
"""Pixels: of a view, between views, of the lines below them and of the headline, and of a column at least."""
_HALF_SIZE_MM = 20.0
_MAX_VOXELS = 50_000


@dataclass(frozen=True)
class Error:
    """A lesion or a false positive.

    Args:
        order: errors are sorted by it, the worst first.
        case_id: where it is.
        number: of the object, or of the detection.
        score: of the best hit of a lesion, -inf without any; of the false positive.
        caption: told below the picture.
        picture: slices through it.
    """

    order: tuple[float, ...]
    case_id: str
    number: int
    score: float
    caption: tuple[str, ...]
    picture: Image.Image


class WorstErrors:
    """The least certain lesions and the most certain false positives over all cases; only their pictures are kept.

    Args:
        k: how many of either.
    """

    def __init__(self, k: int = 4):
        self.k = k
        self._lesions: list[Error] = []
        self._alarms: list[Error] = []

    @property
    def state(self) -> tuple[list[Error], list[Error]]:
        """Lesions and false positives, picklable: ``merge`` it with that of other processes."""
        return self._lesions, self._alarms

    def misses(self, threshold: float) -> list[Error]:
        """Lesions that no score from the threshold on finds: those that nothing finds first, then by score; of these the largest first."""
        return [error for error in self._lesions if not error.score >= threshold]

    @property
    def alarms(self) -> list[Error]:
        """False positives, best score first."""
        return list(self._alarms)

    def update(self, image: Tensor, affine: Tensor, detections: Detections, target: Target, matches: CaseMatches, case_id: str) -> None:
        """Look at one case.

        Args:
            image: (channels, *size); the first channel is shown.
            affine: (D + 1, D + 1), voxel centers -> RAS mm.
            matches: of the detections with the target, all on the CPU.
        """
        spacing = affine[:-1, :-1].double().norm(dim=0)
        longest = (box_sizes(target.boxes.cpu()) * spacing).amax(dim=1) if len(target) else torch.zeros(0)
        found = np.nan_to_num(matches.found_scores, nan=-np.inf, neginf=-np.inf, posinf=np.inf)
        lesions = [((found[i], -float(longest[i])), i) for i in np.flatnonzero(~matches.object_ignored).tolist()]
        alarms = [((-matches.scores[i],), i) for i in np.flatnonzero(matches.outcomes == Outcome.FALSE_POSITIVE).tolist()]

        @cache
        def window() -> tuple[float, float]:
            return window_of_scan(image[0].detach().cpu(), _MAX_VOXELS)

        def drawn(order: tuple[float, ...], number: int, boxes: Tensor, score: float, words: str, color: str) -> Error:
            box = boxes[number : number + 1].detach().cpu().float()
            size = float((box_sizes(box)[0] * spacing).max())
            return Error(
                order, case_id, number, score, (case_id, f"{words}, {size:.1f} mm"), _slices(image[0], box, affine, color, window())
            )

        for order, i in self._best(self._lesions, lesions):
            words = "not found at any score" if order[0] == -np.inf else f"best score {order[0]:.3f}"
            self._lesions = self._sorted([*self._lesions, drawn(order, i, target.boxes, order[0], words, _MISS_COLOR)])
        for order, i in self._best(self._alarms, alarms):
            words = f"score {-order[0]:.3f}, {_nearest(detections.boxes[i : i + 1], target, spacing)}"
            self._alarms = self._sorted([*self._alarms, drawn(order, i, detections.boxes, -order[0], words, _ALARM_COLOR)])

    def merge(self, states: Iterable[tuple[Sequence[Error], Sequence[Error]]]) -> None:
        """Add what others, of other processes say, have kept; what is there already is not added again."""
        for lesions, alarms in states:
            self._lesions, self._alarms = self._sorted([*self._lesions, *lesions]), self._sorted([*self._alarms, *alarms])

    def _best(self, kept: Sequence[Error], candidates: Sequence[tuple[tuple[float, ...], int]]) -> list[tuple[tuple[float, ...], int]]:
        """The candidates that are worth a picture."""
        orders = sorted([*(error.order for error in kept), *(order for order, _ in candidates)])[: self.k]
        return [candidate for candidate in sorted(candidates)[: self.k] if candidate[0] <= orders[-1]]

    def _sorted(self, errors: Sequence[Error]) -> list[Error]:
        once = {(error.case_id, error.number): error for error in reversed(errors)}
        return sorted(once.values(), key=lambda error: (error.order, error.case_id, error.number))[: self.k]


def _nearest(box: Tensor, target: Target, spacing: Tensor) -> str:
    if not len(target):
        return "no lesion here"
    distance = ((box_centers(target.boxes.cpu()) - box_centers(box.detach().cpu())) * spacing).norm(dim=1).min()
    return f"{float(distance):.0f} mm off a lesion"


def _slices(image: Tensor, box: Tensor, affine: Tensor, color: str, window: tuple[float, float]) -> Image.Image:
    """A slice in each plane through the middle of one box (1, 2D), side by side."""
    begin, end = _surroundings(image, box, affine)
    part = image[tuple(slice(int(low), int(high)) for low, high in zip(begin, end))]
    scene = turned(part, box - torch.cat([begin, begin]), affine, window)
    picture = Image.new("RGB", (len(scene.planes) * (_SIDE + _GAP) - _GAP, _SIDE), BACKGROUND)
    for index, (name, plane) in enumerate(scene.planes.items()):
        panel = slice_panel(scene, 0, plane, Place(index * (_SIDE + _GAP), 0, _SIDE, _SIDE), _HALF_SIZE_MM)
        panel.draw_box(scene.boxes[0], scene.spacing, plane, "", color, 2)
        panel.write_directions(plane, name)
        panel.put_on(picture)
    return picture


def _surroundings(image: Tensor, box: Tensor, affine: Tensor) -> tuple[Tensor, Tensor]:
    """First voxels (D,) and ends of a part of the image that holds all that slices show: turning it costs less than the whole."""
    spacing = affine[:-1, :-1].double().norm(dim=0)
    reach = (max(_HALF_SIZE_MM, 1.2 * float((box_sizes(box)[0] * spacing).max())) / spacing).ceil() + 2
    size, center = torch.tensor(image.shape), box_centers(box)[0].double()
    low = torch.minimum((center - reach).floor().long().clamp(min=0), size - 1)
    return low, torch.minimum(torch.maximum((center + reach).ceil().long(), low + 1), size)


def plot_errors(misses: Sequence[Error], alarms: Sequence[Error], name: str) -> Image.Image:
    """Draw misses on the left and false positives on the right, the worst on top.

    Args:
        name: of the operating point at which lesions are missed.
    """
    columns = ((f"Worst misses at {name}", misses, "none"), ("Best-scored false positives", alarms, "none"))
    width = max([_MIN_WIDTH, *(error.picture.width for error in [*misses, *alarms])]) + 3 * _GAP
    rows = max(len(misses), len(alarms), 1)
    picture = Image.new("RGB", (2 * width, _HEAD + rows * (_SIDE + _TEXT + _GAP)), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    for column, (head, errors, nothing) in enumerate(columns):
        left = column * width + _GAP
        draw.text((left, _HEAD / 2), head, _LETTERS, font(14), anchor="lm")
        if not errors:
            draw.text((left, _HEAD + _SIDE / 2), nothing, _LETTERS, font(12), anchor="lm")
        for row, error in enumerate(errors):
            top = _HEAD + row * (_SIDE + _TEXT + _GAP)
            picture.paste(error.picture, (left, top))
            for line, words in enumerate(error.caption):
                draw.text((left, top + _SIDE + 2 + 14 * line), words, _LETTERS, font(11))
    return picture
