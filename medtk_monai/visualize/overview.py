"""The findings of one scan at a glance: projections with numbered boxes, and slices through the best."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import nibabel
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from medtk_monai.box_ops import box_centers, box_sizes, spatial_affine
from medtk_monai.structures import Detections

_PLANES = {"axial": (0, 1, 2), "coronal": (0, 2, 1), "sagittal": (1, 2, 0)}
"""World axes to the right, upwards, and across."""
_ENDS = (("L", "R"), ("P", "A"), ("I", "S"))
_COLORS = ("#ff9f1c", "#3ddc5b", "#4cc9f0", "#f72585", "#ffe66d", "#c77dff", "#ff6b6b", "#2ec4b6", "#e0aaff", "#a7c957")
_BACKGROUND = "#11151c"
_PANEL_INCHES = 2.6
_MAX_VOXELS = 500_000


@dataclass(frozen=True)
class _Scene:
    """A scan and its boxes along the world's axes (right, anterior, superior), or as they are in 2D.

    Args:
        image: (X, Y, Z) or (X, Y).
        boxes: (N, 2D) voxels.
        spacing: (D,) mm.
        window: intensities shown black and white in slices.
    """

    image: np.ndarray
    boxes: np.ndarray
    spacing: np.ndarray
    window: tuple[float, float]


def plot_overview(
    image: Tensor,
    detections: Detections,
    affine: Tensor,
    title: str,
    path: str | os.PathLike | None = None,
    num_slices: int = 4,
    num_boxes: int = 10,
    half_size_mm: float = 25.0,
) -> Figure:
    """Draw maximum intensity projections of a scan with its best findings, numbered, and three slices through each of the top ones.

    Volumes are turned so that panels show the patient as radiologists see him: his right on the left, upright. Oblique ones are turned to
    the nearest axes.

    Args:
        image: (C, *spatial), of which the first channel is shown.
        detections: voxels of the image, best first.
        affine: (D + 1, D + 1), voxel centers -> RAS mm.
        title: of the figure.
        path: where to save it, in the format of its suffix; None to save nothing.
        num_slices: findings that get slices of their own.
        num_boxes: findings shown in the projections.
        half_size_mm: half the width of the slices; a larger box widens them.
    """
    scene = _turned(image[0], detections[:num_boxes].boxes, affine)
    planes = list(_PLANES.items()) if scene.image.ndim == 3 else [("", (0, 1, -1))]
    shown = min(num_slices, len(scene.boxes))
    columns = 3 if len(planes) == 3 else max(min(shown, 3), 1)
    figure = Figure(figsize=(columns * _PANEL_INCHES + 0.2, 0.5), facecolor="white", dpi=100)
    rows = shown if len(planes) == 3 else -(-shown // columns)
    figure.set_size_inches(columns * _PANEL_INCHES + 0.2, (rows + 1 + 0.25) * _PANEL_INCHES + 0.4)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(rows + 1, columns, height_ratios=[1.25] + [1] * rows, hspace=0.12, wspace=0.06)
    figure.subplots_adjust(left=0.02, right=0.98, bottom=0.02, top=1 - 0.62 / figure.get_figheight())
    figure.suptitle(f"{title}\n{_headline(detections, shown)}", fontsize=10, parse_math=False, y=1 - 0.08 / figure.get_figheight())
    for column, (name, plane) in enumerate(planes):
        _draw_projection(figure.add_subplot(grid[0, column if len(planes) == 3 else slice(None)]), scene, name, plane)
    scores = detections.scores.tolist()
    for number in range(shown):
        for column, (_, plane) in enumerate(planes):
            place = grid[1 + number, column] if len(planes) == 3 else grid[1 + number // columns, number % columns]
            _draw_slice(figure.add_subplot(place), scene, number, scores[number], plane, half_size_mm)
    if path is not None:
        # Half of the time would go into squeezing the last bytes out of a PNG.
        figure.savefig(path, pil_kwargs={"compress_level": 1} if str(path).endswith(".png") else None)
    return figure


def _headline(detections: Detections, shown: int) -> str:
    if not len(detections):
        return "no findings"
    count = f"{len(detections)} finding{'' if len(detections) == 1 else 's'}"
    return f"{count}, best score {float(detections.scores[0]):.2f}; slices through the best {shown}"


def _turned(image: Tensor, boxes: Tensor, affine: Tensor) -> _Scene:
    pixels, dims = image.detach().cpu().float().numpy(), image.ndim
    matrix = spatial_affine(affine, dims).numpy()
    spacing = np.linalg.norm(matrix[:-1, :-1], axis=0)
    corners = boxes.detach().cpu().double().numpy().reshape(-1, 2, dims)
    if dims == 3:
        directions = nibabel.orientations.io_orientation(matrix)  # type: ignore[attr-defined]
        size = np.array(pixels.shape)
        for axis in np.flatnonzero(directions[:, 1] < 0):
            pixels = np.flip(pixels, int(axis))
            corners[:, :, axis] = size[axis] - corners[:, ::-1, axis]
        order = np.argsort(directions[:, 0])
        pixels, corners, spacing = pixels.transpose(order), corners[:, :, order], spacing[order]
    return _Scene(pixels, corners.reshape(-1, 2 * dims), spacing, _window(pixels.ravel()[:: max(pixels.size // _MAX_VOXELS, 1)]))


def _window(pixels: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(pixels, (1, 99.9)) if pixels.size else (0.0, 1.0)
    return float(low), float(max(high, low + 1e-6))


def _draw_projection(axes: Any, scene: _Scene, name: str, plane: Sequence[int]) -> None:
    across, up, along = plane
    pixels = scene.image.max(axis=along) if scene.image.ndim == 3 else scene.image
    if across > up:
        pixels = pixels.T
    _show(axes, pixels, scene.spacing[[across, up]], (0.0, 0.0), _window(pixels))
    for number, box in enumerate(scene.boxes):
        _draw_box(axes, box, scene.spacing, plane, f"{number + 1}", _COLORS[number % len(_COLORS)], 1.0)
    extent = np.array(scene.image.shape)[[across, up]] * scene.spacing[[across, up]]
    _frame(axes, (0, extent[0]), (0, extent[1]), plane, f"{name} projection" if name else "")


def _draw_slice(axes: Any, scene: _Scene, number: int, score: float, plane: Sequence[int], half_size: float) -> None:
    across, up, along = plane
    box = torch.from_numpy(scene.boxes[number : number + 1])
    center = box_centers(box)[0].numpy()
    half = max(half_size, 1.2 * float((box_sizes(box)[0].numpy() * scene.spacing).max()) / 2)
    size = np.array(scene.image.shape)
    low = np.clip(np.floor(center - half / scene.spacing), 0, size - 1).astype(int)
    high = np.clip(np.ceil(center + half / scene.spacing), 1, size).astype(int)
    middle = np.clip(np.floor(center), 0, size - 1).astype(int)
    where = tuple(slice(low[a], high[a]) if a in (across, up) else middle[a] for a in range(len(size)))
    pixels = scene.image[where]
    _show(axes, pixels.T if across > up else pixels, scene.spacing[[across, up]], (low * scene.spacing)[[across, up]], scene.window)
    _draw_box(axes, scene.boxes[number], scene.spacing, plane, f"{number + 1}: {score:.2f}", _COLORS[number % len(_COLORS)], 1.6)
    focus = (center * scene.spacing)[[across, up]]
    _frame(axes, (focus[0] - half, focus[0] + half), (focus[1] - half, focus[1] + half), plane, "")


def _show(axes: Any, pixels: np.ndarray, spacing: np.ndarray, origin: Sequence[float], window: tuple[float, float]) -> None:
    """Pixels (across, up), in mm."""
    right, top = np.array(origin) + np.array(pixels.shape) * spacing
    extent = (origin[0], right, origin[1], top)
    axes.imshow(pixels.T, cmap="gray", vmin=window[0], vmax=window[1], extent=extent, origin="lower", aspect="equal")


def _draw_box(axes: Any, box: np.ndarray, spacing: np.ndarray, plane: Sequence[int], text: str, color: str, width: float) -> None:
    across, up, _ = plane
    dims = len(spacing)
    lower, upper = box[:dims] * spacing, box[dims:] * spacing
    corner, extent = lower[[across, up]], (upper - lower)[[across, up]]
    axes.add_patch(Rectangle(corner, *extent, fill=False, edgecolor=color, linewidth=width))
    # Volumes are shown from the right to the left, flat images from the top down.
    anchor = corner + (extent if dims == 3 else 0)
    axes.annotate(text, anchor, (1, 2), textcoords="offset points", fontsize=7, color=color, clip_on=True)


def _frame(axes: Any, across: Sequence[float], up: Sequence[float], plane: Sequence[int], name: str) -> None:
    """Limits and letters: volumes with the patient's right, or front, on the left; flat images as on a screen."""
    flat = plane[2] < 0
    axes.set_facecolor(_BACKGROUND)
    axes.set_xlim(*(across if flat else reversed(across)))
    axes.set_ylim(*(reversed(up) if flat else up))
    axes.set_xticks([])
    axes.set_yticks([])
    if flat:
        return
    style: dict[str, Any] = {"transform": axes.transAxes, "fontsize": 7, "color": "#9fb3c8", "ha": "center", "va": "center"}
    (right_end, left_end), (bottom, top) = _ENDS[plane[0]], _ENDS[plane[1]]
    for x, y, letter in ((0.03, 0.5, left_end), (0.97, 0.5, right_end), (0.5, 0.03, bottom), (0.5, 0.97, top)):
        axes.text(x, y, letter, **style)
    if name:
        axes.text(0.03, 0.03, name, **(style | {"ha": "left"}))
