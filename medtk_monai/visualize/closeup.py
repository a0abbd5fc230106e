"""One finding in four views: a slice across each axis of the patient, and the whole axial slice."""

from __future__ import annotations

from PIL import Image
from torch import Tensor

from medtk_monai.visualize.panels import BACKGROUND, FLAT, PLANES, Place, slice_panel, turned, whole_slice_panel

_SIDE, _GAP = 220, 4
"""Pixels: of a view, and between views."""


def plot_closeup(image: Tensor, box: Tensor, affine: Tensor, color: str, half_size_mm: float = 20.0) -> Image.Image:
    """Draw one box: axial, coronal and sagittal slices and the whole axial slice; of a flat image a part and the whole.

    Args:
        image: (C, *spatial), of which the first channel is shown.
        box: (1, 2D) voxels.
        affine: (D + 1, D + 1), voxel centers -> RAS mm.
        color: of the box.
        half_size_mm: half the width of the slices; a larger box widens them.
    """
    scene = turned(image[0], box, affine)
    is_volume = scene.planes is PLANES
    picture = Image.new("RGB", (2 * _SIDE + _GAP, (2 * _SIDE + _GAP) if is_volume else _SIDE), BACKGROUND)
    views = [
        (name, plane, slice_panel(scene, 0, plane, _place(index), half_size_mm)) for index, (name, plane) in enumerate(scene.planes.items())
    ]
    whole = PLANES["axial"] if is_volume else FLAT[""]
    views.append(("axial", whole, whole_slice_panel(scene, 0, whole, _place(len(views)))))
    for name, plane, panel in views:
        panel.draw_box(scene.boxes[0], scene.spacing, plane, "", color, 2)
        panel.write_directions(plane, name)
        panel.put_on(picture)
    return picture


def _place(index: int) -> Place:
    row, column = divmod(index, 2)
    return Place(column * (_SIDE + _GAP), row * (_SIDE + _GAP), _SIDE, _SIDE)
