"""Small crops around detections, cut while the image is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from torch import Tensor

from medtk_monai.box_ops import box_centers, box_sizes
from medtk_monai.metrics import CaseMatches, Outcome
from medtk_monai.structures import Detections, Target

_MAX_NEIGHBORS = 10
_MIN_HALF_SIZE = 1.5
"""Half the width of a view is at least this many times the longest side of the box in focus."""
_AXES = "xyz"


class Kind(Enum):
    """What a rectangle stands for."""

    TRUTH = "annotated object"
    IGNORED_TRUTH = "annotated, ignored"
    TRUE_POSITIVE = "true positive"
    FALSE_POSITIVE = "false positive"
    SET_ASIDE = "set aside"


_KIND_OF_OUTCOME = {
    Outcome.TRUE_POSITIVE: Kind.TRUE_POSITIVE,
    Outcome.FALSE_POSITIVE: Kind.FALSE_POSITIVE,
    Outcome.SET_ASIDE: Kind.SET_ASIDE,
}


@dataclass(frozen=True)
class Mark:
    """A rectangle in a panel.

    Args:
        lower: (horizontal, vertical), mm from the center of the finding.
        upper: the opposite corner.
        kind: what it stands for.
        score: of a detection, in [0, 1]; None for an annotated object.
        in_focus: it is the box that the panel was cut for.
    """

    lower: tuple[float, float]
    upper: tuple[float, float]
    kind: Kind
    score: float | None
    in_focus: bool


@dataclass(frozen=True)
class Panel:
    """A slice through a finding.

    Args:
        pixels: (vertical, horizontal) float32, only the part inside the image.
        extent: (left, right, bottom, top) of the pixels, mm from the center of the finding.
        half_size: half the width of the whole view, mm; wider than the pixels at the border of the image.
        axes: names of the horizontal and vertical axis.
        marks: rectangles of the boxes that meet the slice.
    """

    pixels: np.ndarray
    extent: tuple[float, float, float, float]
    half_size: float
    axes: tuple[str, str]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Finding:
    """A detection (or a missed object) with its surroundings: D = 3 has three panels, D = 2 has one.

    Args:
        case_id: where it was found.
        score: in [0, 1]; None for a missed object.
        kind: what it turned out to be; TRUTH for a missed object.
        center: (D,) voxels.
        panels: slices through the center.
    """

    case_id: str
    score: float | None
    kind: Kind
    center: tuple[float, ...]
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Scene:
    """The boxes of one case, with what is known about them.

    Args:
        boxes: (N, 2D) voxels.
        kinds: what each box stands for.
        scores: None for annotated objects.
        focus: index of the box that the panels are cut for.
    """

    boxes: Tensor
    kinds: Sequence[Kind]
    scores: Sequence[float | None]
    focus: int


def cut_finding(
    image: Tensor,
    detections: Detections,
    index: int,
    target: Target,
    matches: CaseMatches,
    spacing: Sequence[float],
    case_id: str,
    half_size_mm: float = 20.0,
) -> Finding:
    """Cut the surroundings of one detection out of its image.

    Args:
        image: (channels, *size); the first channel is shown.
        detections: all detections of the case; the best few others nearby are shown as well.
        index: which of them.
        target: the objects of the case.
        matches: of these detections with this target.
        spacing: (D,) mm per voxel; ones where it is unknown.
        case_id: shown above the panels.
        half_size_mm: half the width of the view; a larger box widens it.
    """
    scene = _scene(detections, target, matches, (index, *_best_others(detections, index)), focus=len(target))
    return _finding(image, scene, spacing, case_id, half_size_mm)


def cut_missed(
    image: Tensor,
    detections: Detections,
    index: int,
    target: Target,
    matches: CaseMatches,
    spacing: Sequence[float],
    case_id: str,
    half_size_mm: float = 20.0,
) -> Finding:
    """Cut the surroundings of one missed object out of its image: as cut_finding, but ``index`` is that of an object."""
    scene = _scene(detections, target, matches, _best_others(detections, None), focus=index)
    return _finding(image, scene, spacing, case_id, half_size_mm)


def _best_others(detections: Detections, index: int | None) -> list[int]:
    """The best few detections but one."""
    return [i for i in detections.scores.argsort(descending=True, stable=True).tolist() if i != index][:_MAX_NEIGHBORS]


def _scene(detections: Detections, target: Target, matches: CaseMatches, shown: Sequence[int], focus: int) -> Scene:
    """All objects of a case, then some of its detections."""
    truths = [Kind.IGNORED_TRUTH if ignored else Kind.TRUTH for ignored in target.ignored.tolist()]
    boxes = torch.cat([target.boxes.cpu().float(), detections.boxes.detach().cpu().float()[list(shown)]])
    kinds = [_KIND_OF_OUTCOME[Outcome(matches.outcomes[i])] for i in shown]
    return Scene(boxes, [*truths, *kinds], [*[None] * len(truths), *[float(detections.scores[i]) for i in shown]], focus)


def _finding(image: Tensor, scene: Scene, spacing: Sequence[float], case_id: str, half_size_mm: float) -> Finding:
    """Slices through the box in focus: one across each axis in 3D, the last axis first; the image itself in 2D."""
    box = scene.boxes[scene.focus : scene.focus + 1]
    mm = torch.tensor([float(value) for value in spacing])
    half_size = max(half_size_mm, float((box_sizes(box)[0] * mm).max()) * _MIN_HALF_SIZE)
    center = box_centers(box)[0]
    planes = ((0, 1),) if len(mm) == 2 else ((0, 1), (0, 2), (1, 2))
    panels = tuple(_panel(image[0], scene, center, mm, plane, half_size) for plane in planes)
    return Finding(case_id, scene.scores[scene.focus], scene.kinds[scene.focus], tuple(center.tolist()), panels)


def _panel(image: Tensor, scene: Scene, center: Tensor, mm: Tensor, plane: tuple[int, int], half_size: float) -> Panel:
    """The slice of a (*size) image through ``center`` along two axes: horizontal, vertical."""
    size = torch.tensor(image.shape)
    middle = center.floor().long().clamp(min=torch.zeros_like(size), max=size - 1)
    reach = (half_size / mm).ceil()
    first = (center - reach).floor().long().clamp(min=torch.zeros_like(size), max=size)
    last = (center + reach).ceil().long().clamp(min=torch.zeros_like(size), max=size)
    where = tuple(slice(int(first[a]), int(last[a])) if a in plane else int(middle[a]) for a in range(len(size)))
    pixels = torch.as_tensor(image[where]).detach().cpu().float().numpy().T
    begin, end = ((first - center) * mm).tolist(), ((last - center) * mm).tolist()
    extent = (begin[plane[0]], end[plane[0]], begin[plane[1]], end[plane[1]])
    marks = _marks(scene, center, middle, mm, plane)
    visible = tuple(mark for mark in marks if all(low < half_size and high > -half_size for low, high in zip(mark.lower, mark.upper)))
    return Panel(np.array(pixels), extent, half_size, (_AXES[plane[0]], _AXES[plane[1]]), visible)


def _marks(scene: Scene, center: Tensor, middle: Tensor, mm: Tensor, plane: tuple[int, int]) -> list[Mark]:
    """Rectangles of the boxes that meet the slice through voxel ``middle``, and of the box in focus even if it lies outside."""
    lower, upper = scene.boxes.chunk(2, dim=-1)
    across = [axis for axis in range(len(mm)) if axis not in plane]
    meets = ((lower < middle + 1) & (upper > middle))[:, across].all(dim=1)
    meets[scene.focus] = True
    low, high = ((lower - center) * mm)[:, list(plane)], ((upper - center) * mm)[:, list(plane)]
    return [
        Mark(
            (float(low[i, 0]), float(low[i, 1])), (float(high[i, 0]), float(high[i, 1])), scene.kinds[i], scene.scores[i], i == scene.focus
        )
        for i in meets.nonzero()[:, 0].tolist()
    ]


class TopFindings:
    """The best-scored detections over all cases, and a few missed objects; only their crops are kept.

    Args:
        k: how many of either.
        half_size_mm: half the width of the views.
    """

    def __init__(self, k: int = 6, half_size_mm: float = 20.0):
        self.k = k
        self.half_size_mm = half_size_mm
        self._findings: list[Finding] = []
        self._missed: list[Finding] = []

    @property
    def findings(self) -> list[Finding]:
        """The best detections, best first."""
        return list(self._findings)

    @property
    def missed(self) -> list[Finding]:
        """The first missed objects."""
        return list(self._missed)

    def update(
        self,
        image: Tensor,
        detections: Detections,
        target: Target,
        matches: CaseMatches,
        spacing: Sequence[float],
        case_id: str,
    ) -> None:
        """Look at one case; arguments as for cut_finding."""
        case = (target, matches, spacing, case_id, self.half_size_mm)
        for i in detections.scores.argsort(descending=True, stable=True)[: self.k].tolist():
            if len(self._findings) < self.k or float(detections.scores[i]) > (self._findings[-1].score or 0.0):
                self.merge([cut_finding(image, detections, i, *case)])
        for j in np.flatnonzero(matches.missed)[: self.k - len(self._missed)].tolist():
            self._missed.append(cut_missed(image, detections, j, *case))

    def merge(self, findings: Sequence[Finding], missed: Sequence[Finding] = ()) -> None:
        """Add the findings of another collector, of another process say; of equal scores the earlier stays."""
        self._findings = sorted([*self._findings, *findings], key=lambda finding: -(finding.score or 0.0))[: self.k]
        self._missed = [*self._missed, *missed][: self.k]
