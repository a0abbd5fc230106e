"""The worst misses and the best-scored false positives, to look at."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image
from torch import Tensor

from medtk_monai.box_ops import boxes_from_world
from medtk_monai.errors import as_data_error
from medtk_monai.evaluation.matching import MatchedCase
from medtk_monai.evaluation.report.html import figure, gallery, text
from medtk_monai.evaluation.report.paths import FileNames
from medtk_monai.evaluation.truth import TruthCase
from medtk_monai.metrics import CaseMatches, Outcome
from medtk_monai.metrics.breakdown import Lesions
from medtk_monai.transforms.boxes import WorldBoxes
from medtk_monai.visualize.closeup import plot_closeup

MISS_COLOR, ALARM_COLOR = "#ffb000", "#ff5a4d"
_QUALITIES = (82, 70, 55, 40, 25, 10)
"""Of JPEG; the first that is small enough is taken."""
_HALF_SIZES_MM = (8.0, 20.0)
"""Half the width of a slice, least and most: the lines of a box would cover a small lesion in a wide view."""


@dataclass(frozen=True)
class Shown:
    """A finding or an object to show.

    Args:
        case: index of the case.
        box: one box, RAS mm.
        caption: its lines, of which the first is the case id.
        color: of the box.
    """

    case: int
    box: WorldBoxes
    caption: tuple[str, ...]
    color: str


def worst_misses(cases: Sequence[MatchedCase], lesions: Lesions, threshold: float, count: int) -> list[Shown]:
    """Lesions that no score from the threshold on finds: those that nothing finds first, then by score; of these the largest first."""
    missed = np.flatnonzero(~(lesions.scores >= threshold))
    order = missed[np.lexsort((-lesions.sizes[missed], lesions.scores[missed]))][:count]
    found = []
    for index in order.tolist():
        case, truth = int(lesions.cases[index]), cases[int(lesions.cases[index])].truth
        chosen = slice(int(lesions.numbers[index]), int(lesions.numbers[index]) + 1)
        box = WorldBoxes(truth.boxes.centers[chosen], truth.boxes.sizes[chosen], truth.boxes.direction)
        score = lesions.scores[index]
        how = "not found at any score" if score == -np.inf else f"best score {score:.3f}, below the operating point"
        found.append(Shown(case, box, _caption(truth.case_id, how, box=box), MISS_COLOR))
    return found


def top_alarms(cases: Sequence[MatchedCase], matches: Sequence[CaseMatches], count: int) -> list[Shown]:
    """The false positives of the best scores."""
    alarms = [
        (-float(match.scores[index]), case, index)
        for case, match in enumerate(matches)
        for index in np.flatnonzero(match.outcomes == Outcome.FALSE_POSITIVE).tolist()
    ]
    found = []
    for score, case, index in sorted(alarms)[:count]:
        box = _finding(cases[case], index)
        truth = cases[case].truth
        caption = _caption(truth.case_id, f"score {-score:.3f}", _nearest(truth, box), box=box)
        found.append(Shown(case, box, caption, ALARM_COLOR))
    return found


def _finding(case: MatchedCase, index: int) -> WorldBoxes:
    """A finding's hull along the axes that the case was matched on."""
    boxes = case.detections.boxes
    dims = boxes.shape[1] // 2
    sizes = (boxes[index : index + 1, dims:] - boxes[index : index + 1, :dims]).double()
    return WorldBoxes(case.world_centers[index : index + 1].double(), sizes, case.direction)


def _caption(case_id: str, *lines: str, box: WorldBoxes) -> tuple[str, ...]:
    place = ", ".join(f"{value:.1f}" for value in box.centers[0].tolist())
    return case_id, *lines, f"{float(box.sizes.max()):.1f} mm, at RAS ({place}) mm"


def _nearest(truth: TruthCase, box: WorldBoxes) -> str:
    """How far the lesions of the case are: what hits none may still be beside one."""
    if not len(truth.boxes):
        return "no lesion in this case"
    distance = float((truth.boxes.centers - box.centers).norm(dim=1).min())
    return f"{distance:.1f} mm from the center of the nearest lesion"


def draw_gallery(shown: Sequence[Shown], cases: Sequence[MatchedCase], num_bytes: int, names: FileNames) -> str:
    """Pictures of about so many bytes at most, with captions; a case whose image cannot be read has a caption with the reason."""

    # One case may be shown several times.
    @lru_cache(maxsize=1)
    def read(index: int) -> tuple[Tensor, Tensor]:
        return cases[index].truth.read_image()

    def drawn(entry: Shown) -> str:
        try:
            return _drawn(entry, *read(entry.case), num_bytes)
        except Exception as error:  # a report without one picture is better than none
            reason = as_data_error(error, cases[entry.case].truth.case_id, "reading the image")
            return figure("", *entry.caption, f"No picture: {names.within(reason.what)}")

    return gallery([drawn(entry) for entry in shown])


def _drawn(entry: Shown, image: Tensor, affine: Tensor, num_bytes: int) -> str:
    box = boxes_from_world(entry.box.centers, entry.box.sizes, entry.box.direction, affine)
    half_size = min(max(3 * float(entry.box.sizes.max()), _HALF_SIZES_MM[0]), _HALF_SIZES_MM[1])
    picture = plot_closeup(image, box, affine, entry.color, half_size)
    source = "data:image/jpeg;base64," + base64.b64encode(as_jpeg(picture, num_bytes)).decode()
    size = f'width="{picture.width}" height="{picture.height}"'
    return figure(f'<img src="{source}" {size} alt="{text("Slices through " + "; ".join(entry.caption))}">', *entry.caption)


def as_jpeg(picture: Image.Image, num_bytes: int) -> bytes:
    """A picture in at most so many bytes, unless even the worst quality needs more."""
    for quality in _QUALITIES:
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=quality)
        if data.tell() <= num_bytes:
            break
    return data.getvalue()
