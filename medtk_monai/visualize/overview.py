"""The findings of one scan at a glance: projections with numbered boxes, and slices through the best."""

from __future__ import annotations

import os

from PIL import Image, ImageDraw
from torch import Tensor

from medtk_monai.structures import Detections
from medtk_monai.visualize.panels import Place, font, projection_panel, slice_panel, turned
from medtk_monai.visualize.pictures import save_picture

_COLORS = ("#ff9f1c", "#3ddc5b", "#4cc9f0", "#f72585", "#ffe66d", "#c77dff", "#ff6b6b", "#2ec4b6", "#e0aaff", "#a7c957")
_PANEL, _PROJECTION, _TITLE, _GAP = 260, 330, 48, 12
"""Pixels: of the sides of a panel with its gap, of the height of the projections with theirs, of the title, and of the gap."""


def plot_overview(
    image: Tensor,
    detections: Detections,
    affine: Tensor,
    title: str,
    path: str | os.PathLike | None = None,
    num_slices: int = 4,
    num_boxes: int = 10,
    half_size_mm: float = 25.0,
) -> Image.Image:
    """Draw maximum intensity projections of a scan with its best findings, numbered, and three slices through each of the top ones.

    Volumes are turned so that panels show the patient as radiologists see him: his right on the left, upright. Oblique ones are turned to
    the nearest axes.

    Args:
        image: (C, *spatial), of which the first channel is shown.
        detections: voxels of the image, best first.
        affine: (D + 1, D + 1), voxel centers -> RAS mm.
        title: of the picture.
        path: where to save it, in the format of its suffix; None to save nothing.
        num_slices: findings that get slices of their own.
        num_boxes: findings shown in the projections.
        half_size_mm: half the width of the slices; a larger box widens them.
    """
    scene = turned(image[0], detections[:num_boxes].boxes, affine)
    planes, shown = scene.planes, min(num_slices, len(scene.boxes))
    columns = 3 if len(planes) == 3 else max(min(shown, 3), 1)
    rows = shown if len(planes) == 3 else -(-shown // columns)
    picture = Image.new("RGB", (columns * _PANEL + _GAP, _TITLE + _PROJECTION + rows * _PANEL), "white")
    draw = ImageDraw.Draw(picture)
    for line, text in enumerate((title, _headline(detections, shown))):
        draw.text((picture.width / 2, 6 + 18 * line), text, "black", font(13), anchor="ma")
    for column, (name, plane) in enumerate(planes.items()):
        size = (_PANEL if len(planes) == 3 else columns * _PANEL) - _GAP
        panel = projection_panel(scene, plane, Place(_GAP + column * _PANEL, _TITLE, size, _PROJECTION - _GAP))
        for number, box in enumerate(scene.boxes):
            panel.draw_box(box, scene.spacing, plane, f"{number + 1}", _COLORS[number % len(_COLORS)], 1)
        panel.write_directions(plane, f"{name} projection")
        panel.put_on(picture)
    for number, score in enumerate(detections.scores[:shown].tolist()):
        for column, plane in enumerate(planes.values()):
            cell = (number, column) if len(planes) == 3 else divmod(number, columns)
            place = Place(_GAP + cell[1] * _PANEL, _TITLE + _PROJECTION + cell[0] * _PANEL, _PANEL - _GAP, _PANEL - _GAP)
            panel = slice_panel(scene, number, plane, place, half_size_mm)
            panel.draw_box(scene.boxes[number], scene.spacing, plane, f"{number + 1}: {score:.2f}", _COLORS[number % len(_COLORS)], 2)
            panel.write_directions(plane, "")
            panel.put_on(picture)
    if path is not None:
        save_picture(picture, path, quickly=True)
    return picture


def _headline(detections: Detections, shown: int) -> str:
    if not len(detections):
        return "no findings"
    count = f"{len(detections)} finding{'' if len(detections) == 1 else 's'}"
    return f"{count}, best score {float(detections.scores[0]):.2f}; slices through the best {shown}"
