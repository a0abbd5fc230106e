"""One finding in four views: a slice across each axis of the patient, and a projection of the whole scan."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from medtk_monai.box_ops import box_centers, box_sizes
from medtk_monai.visualize.overview import BACKGROUND, PLANES, Panel, Place, Scene, projected, turned, window_of

_SIDE, _GAP = 220, 4
"""Pixels: of a view, and between views."""


def plot_closeup(image: Tensor, box: Tensor, affine: Tensor, color: str, half_size_mm: float = 20.0) -> Image.Image:
    """Draw one box: axial, coronal and sagittal slices and an axial maximum intensity projection; of a flat image a part and the whole.

    Args:
        image: (C, *spatial), of which the first channel is shown.
        box: (1, 2D) voxels.
        affine: (D + 1, D + 1), voxel centers -> RAS mm.
        color: of the box.
        half_size_mm: half the width of the slices; a larger box widens them.
    """
    scene = turned(image[0], box, affine)
    is_volume = scene.image.ndim == 3
    views = list(PLANES.items()) if is_volume else [("", (0, 1, -1))]
    places = [_place(index) for index in range(len(views) + 1)]
    picture = Image.new("RGB", (2 * _SIDE + _GAP, (2 * _SIDE + _GAP) if is_volume else _SIDE), BACKGROUND)
    for (name, plane), place in zip(views, places):
        panel = _slice(scene, plane, place, half_size_mm)
        _finish(picture, panel, scene, plane, name, color)
    across, up, along = plane = PLANES["axial"] if is_volume else (0, 1, -1)
    pixels = projected(scene.image, along) if is_volume else scene.image
    extent = np.array(scene.image.shape)[[across, up]] * scene.spacing[[across, up]]
    panel = Panel.showing(places[-1], np.zeros(2), extent, plane)
    panel.show(pixels, np.zeros(2), extent, window_of(pixels))
    _finish(picture, panel, scene, plane, "axial projection", color)
    return picture


def _place(index: int) -> Place:
    row, column = divmod(index, 2)
    return Place(column * (_SIDE + _GAP), row * (_SIDE + _GAP), _SIDE, _SIDE)


def _slice(scene: Scene, plane: tuple[int, int, int], place: Place, half_size: float) -> Panel:
    """The slice through the middle of the box."""
    across, up, _ = plane
    box = torch.from_numpy(scene.boxes)
    center = box_centers(box)[0].numpy()
    half = max(half_size, 1.2 * float((box_sizes(box)[0].numpy() * scene.spacing).max()) / 2)
    size = np.array(scene.image.shape)
    low = np.clip(np.floor(center - half / scene.spacing), 0, size - 1).astype(int)
    high = np.clip(np.ceil(center + half / scene.spacing), 1, size).astype(int)
    middle = np.clip(np.floor(center), 0, size - 1).astype(int)
    where = tuple(slice(low[a], high[a]) if a in (across, up) else int(middle[a]) for a in range(len(size)))
    focus = (center * scene.spacing)[[across, up]]
    panel = Panel.showing(place, focus - half, focus + half, plane)
    panel.show(scene.image[where], (low * scene.spacing)[[across, up]], (high * scene.spacing)[[across, up]], scene.window)
    return panel


def _finish(picture: Image.Image, panel: Panel, scene: Scene, plane: tuple[int, int, int], name: str, color: str) -> None:
    panel.draw_box(scene.boxes[0], scene.spacing, plane, "", color, 2)
    panel.write_directions(plane, name)
    picture.paste(panel.pixels, panel.corner)
