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
_DPI = 100
_PANEL, _PROJECTION, _TITLE, _GAP = 260, 330, 48, 12
"""Pixels: of the sides of a panel with its gap, of the height of the projections with theirs, of the title, and of the gap."""
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
    rows = shown if len(planes) == 3 else -(-shown // columns)
    width, height = columns * _PANEL + _GAP, _TITLE + _PROJECTION + rows * _PANEL
    figure = Figure(figsize=(width / _DPI, height / _DPI), facecolor="white", dpi=_DPI)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), frameon=False)
    # One set of axes in pixels for all panels: axes of their own would take most of the time.
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[], autoscale_on=False)
    axes.text(width / 2, 8, f"{title}\n{_headline(detections, shown)}", fontsize=10, parse_math=False, ha="center", va="top")
    for column, (name, plane) in enumerate(planes):
        size = (_PANEL if len(planes) == 3 else columns * _PANEL) - _GAP
        _draw_projection(axes, _Place(_GAP + column * _PANEL, _TITLE, size, _PROJECTION - _GAP), scene, name, plane)
    scores = detections.scores.tolist()
    for number in range(shown):
        for column, (_, plane) in enumerate(planes):
            cell = (number, column) if len(planes) == 3 else divmod(number, columns)
            place = _Place(_GAP + cell[1] * _PANEL, _TITLE + _PROJECTION + cell[0] * _PANEL, _PANEL - _GAP, _PANEL - _GAP)
            _draw_slice(axes, place, scene, number, scores[number], plane, half_size_mm)
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


def _draw_projection(axes: Any, place: _Place, scene: _Scene, name: str, plane: Sequence[int]) -> None:
    across, up, along = plane
    pixels = scene.image.max(axis=along) if scene.image.ndim == 3 else scene.image
    extent = np.array(scene.image.shape)[[across, up]] * scene.spacing[[across, up]]
    panel = _Panel.showing(place, np.zeros(2), extent, plane)
    panel.show(axes, pixels.T if across > up else pixels, np.zeros(2), extent, _window(pixels))
    for number, box in enumerate(scene.boxes):
        panel.draw_box(axes, box, scene.spacing, plane, f"{number + 1}", _COLORS[number % len(_COLORS)], 1.0)
    panel.write_directions(axes, plane, f"{name} projection")


def _draw_slice(axes: Any, place: _Place, scene: _Scene, number: int, score: float, plane: Sequence[int], half_size: float) -> None:
    across, up, _ = plane
    box = torch.from_numpy(scene.boxes[number : number + 1])
    center = box_centers(box)[0].numpy()
    half = max(half_size, 1.2 * float((box_sizes(box)[0].numpy() * scene.spacing).max()) / 2)
    size = np.array(scene.image.shape)
    low = np.clip(np.floor(center - half / scene.spacing), 0, size - 1).astype(int)
    high = np.clip(np.ceil(center + half / scene.spacing), 1, size).astype(int)
    middle = np.clip(np.floor(center), 0, size - 1).astype(int)
    where = tuple(slice(low[a], high[a]) if a in (across, up) else middle[a] for a in range(len(size)))
    pixels = scene.image[where]
    focus = (center * scene.spacing)[[across, up]]
    panel = _Panel.showing(place, focus - half, focus + half, plane)
    ends = ((low * scene.spacing)[[across, up]], (high * scene.spacing)[[across, up]])
    panel.show(axes, pixels.T if across > up else pixels, *ends, scene.window)
    panel.draw_box(axes, scene.boxes[number], scene.spacing, plane, f"{number + 1}: {score:.2f}", _COLORS[number % len(_COLORS)], 1.6)
    panel.write_directions(axes, plane, "")


@dataclass(frozen=True)
class _Place:
    """A rectangle of the picture, in pixels from its upper left corner."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class _Panel:
    """A view of a plane: volumes with the patient's right, or front, on the left and his head or front up; flat images as on a screen.

    Args:
        frame: of the panel.
        origin: (2,) mm, where the view begins across and up.
        scale: pixels per mm.
        is_volume: of the scan.
    """

    frame: Rectangle
    origin: np.ndarray
    scale: float
    is_volume: bool

    @staticmethod
    def showing(place: _Place, begin: np.ndarray, end: np.ndarray, plane: Sequence[int]) -> _Panel:
        """All between two points, mm, as large as the place allows, in its middle."""
        scale = float(min(np.array([place.width, place.height]) / (end - begin)))
        width, height = (end - begin) * scale
        corner = (place.left + (place.width - width) / 2, place.top + (place.height - height) / 2)
        return _Panel(Rectangle(corner, width, height, facecolor=_BACKGROUND, zorder=-1), begin, scale, plane[2] >= 0)

    def pixel(self, point: np.ndarray) -> np.ndarray:
        """The place (2,) in the picture of a point (2,), mm."""
        across, up = (point - self.origin) * self.scale
        left, top = self.frame.get_xy()
        if self.is_volume:
            return np.array([left + self.frame.get_width() - across, top + self.frame.get_height() - up])
        return np.array([left + across, top + up])

    def show(self, axes: Any, pixels: np.ndarray, begin: np.ndarray, end: np.ndarray, window: tuple[float, float]) -> None:
        """Pixels (across, up) that lie between two points, mm."""
        axes.add_patch(self.frame)
        (left, top), (right, bottom) = self.pixel(begin), self.pixel(end)
        shown = axes.imshow(
            pixels.T, cmap="gray", vmin=window[0], vmax=window[1], extent=(left, right, bottom, top), origin="upper", aspect="auto"
        )
        shown.set_clip_path(self.frame)

    def draw_box(self, axes: Any, box: np.ndarray, spacing: np.ndarray, plane: Sequence[int], text: str, color: str, width: float) -> None:
        """A box (2D,), voxels, with a text at its upper left corner."""
        lower, upper = ((part * spacing)[list(plane[:2])] for part in np.split(box, 2))
        corners = np.stack([self.pixel(lower), self.pixel(upper)])
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        axes.add_patch(
            Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=color, linewidth=width, clip_path=self.frame)
        )
        axes.text(left + 1, top - 2, text, fontsize=7, color=color, va="bottom", clip_path=self.frame, clip_on=True)

    def write_directions(self, axes: Any, plane: Sequence[int], name: str) -> None:
        """The letters of the patient's sides at the edges of a volume's panel."""
        if not self.is_volume:
            return
        (left, top), width, height = self.frame.get_xy(), self.frame.get_width(), self.frame.get_height()
        (low, high), (bottom, upper) = _ENDS[plane[0]], _ENDS[plane[1]]
        style: dict[str, Any] = {"fontsize": 7, "color": "#9fb3c8", "ha": "center", "va": "center"}
        for x, y, letter in ((0.03, 0.5, high), (0.97, 0.5, low), (0.5, 0.97, bottom), (0.5, 0.03, upper)):
            axes.text(left + x * width, top + y * height, letter, **style)
        axes.text(left + 0.03 * width, top + height - 8, name, **(style | {"ha": "left"}))
