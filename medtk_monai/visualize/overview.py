"""The findings of one scan at a glance: projections with numbered boxes, and slices through the best."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import nibabel
import numpy as np
import torch
from PIL import Image, ImageColor, ImageDraw, ImageFont
from torch import Tensor

from medtk_monai.box_ops import box_centers, box_sizes, spatial_affine
from medtk_monai.structures import Detections

PLANES = {"axial": (0, 1, 2), "coronal": (0, 2, 1), "sagittal": (1, 2, 0)}
"""World axes to the right, upwards, and across."""
_ENDS = (("L", "R"), ("P", "A"), ("I", "S"))
_COLORS = ("#ff9f1c", "#3ddc5b", "#4cc9f0", "#f72585", "#ffe66d", "#c77dff", "#ff6b6b", "#2ec4b6", "#e0aaff", "#a7c957")
BACKGROUND, _LETTERS = "#11151c", "#9fb3c8"
_PANEL, _PROJECTION, _TITLE, _GAP = 260, 330, 48, 12
"""Pixels: of the sides of a panel with its gap, of the height of the projections with theirs, of the title, and of the gap."""
_MAX_VOXELS = 500_000


@dataclass(frozen=True)
class Scene:
    """A scan and its boxes along the world's axes (right, anterior, superior), or as they are in 2D.

    Args:
        image: (X, Y, Z) or (X, Y).
        boxes: (N, 2D) voxels.
        spacing: (D,) mm.
        window: intensities shown black and white in slices.
    """

    image: Tensor
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
    planes = list(PLANES.items()) if scene.image.ndim == 3 else [("", (0, 1, -1))]
    shown = min(num_slices, len(scene.boxes))
    columns = 3 if len(planes) == 3 else max(min(shown, 3), 1)
    rows = shown if len(planes) == 3 else -(-shown // columns)
    picture = Image.new("RGB", (columns * _PANEL + _GAP, _TITLE + _PROJECTION + rows * _PANEL), "white")
    draw = ImageDraw.Draw(picture)
    for line, text in enumerate((title, _headline(detections, shown))):
        draw.text((picture.width / 2, 6 + 18 * line), text, "black", _font(13), anchor="ma")
    for column, (name, plane) in enumerate(planes):
        size = (_PANEL if len(planes) == 3 else columns * _PANEL) - _GAP
        _draw_projection(picture, Place(_GAP + column * _PANEL, _TITLE, size, _PROJECTION - _GAP), scene, name, plane)
    scores = detections.scores.tolist()
    for number in range(shown):
        for column, (_, plane) in enumerate(planes):
            cell = (number, column) if len(planes) == 3 else divmod(number, columns)
            place = Place(_GAP + cell[1] * _PANEL, _TITLE + _PROJECTION + cell[0] * _PANEL, _PANEL - _GAP, _PANEL - _GAP)
            _draw_slice(picture, place, scene, number, scores[number], plane, half_size_mm)
    if path is not None:
        # Most of the time would go into squeezing the last bytes out of a PNG.
        options: dict[str, Any] = {"compress_level": 1} if str(path).endswith(".png") else {}
        picture.save(path, **options)
    return picture


def _headline(detections: Detections, shown: int) -> str:
    if not len(detections):
        return "no findings"
    count = f"{len(detections)} finding{'' if len(detections) == 1 else 's'}"
    return f"{count}, best score {float(detections.scores[0]):.2f}; slices through the best {shown}"


@cache
def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def turned(image: Tensor, boxes: Tensor, affine: Tensor) -> Scene:
    pixels, dims = image.detach().cpu().float(), image.ndim
    matrix = spatial_affine(affine, dims).numpy()
    spacing = np.linalg.norm(matrix[:-1, :-1], axis=0)
    corners = boxes.detach().cpu().double().numpy().reshape(-1, 2, dims)
    values = pixels.flatten()
    window = window_of(values[:: max(len(values) // _MAX_VOXELS, 1)])
    if dims == 3:
        directions = nibabel.orientations.io_orientation(matrix)  # type: ignore[attr-defined]
        flipped = np.flatnonzero(directions[:, 1] < 0).tolist()
        for axis in flipped:
            corners[:, :, axis] = pixels.shape[axis] - corners[:, ::-1, axis]
        order = np.argsort(directions[:, 0]).tolist()
        pixels, corners, spacing = pixels.flip(flipped).permute(order), corners[:, :, order], spacing[order]
    return Scene(pixels, corners.reshape(-1, 2 * dims), spacing, window)


def window_of(pixels: Tensor) -> tuple[float, float]:
    low, high = np.percentile(pixels.numpy(), (1, 99.9)) if pixels.numel() else (0.0, 1.0)
    return float(low), float(max(high, low + 1e-6))


def projected(image: Tensor, along: int) -> Tensor:
    """The maxima along an axis, found in the order of the memory: ten times as fast as across it."""
    order = sorted(range(image.ndim), key=image.stride, reverse=True)
    rest = [axis for axis in order if axis != along]
    return image.permute(order).amax(order.index(along)).permute([rest.index(axis) for axis in sorted(rest)])


def _draw_projection(picture: Image.Image, place: Place, scene: Scene, name: str, plane: Sequence[int]) -> None:
    across, up, along = plane
    pixels = projected(scene.image, along) if scene.image.ndim == 3 else scene.image
    extent = np.array(scene.image.shape)[[across, up]] * scene.spacing[[across, up]]
    panel = Panel.showing(place, np.zeros(2), extent, plane)
    panel.show(pixels, np.zeros(2), extent, window_of(pixels))
    for number, box in enumerate(scene.boxes):
        panel.draw_box(box, scene.spacing, plane, f"{number + 1}", _COLORS[number % len(_COLORS)], 1)
    panel.write_directions(plane, f"{name} projection")
    picture.paste(panel.pixels, panel.corner)


def _draw_slice(
    picture: Image.Image, place: Place, scene: Scene, number: int, score: float, plane: Sequence[int], half_size: float
) -> None:
    across, up, _ = plane
    box = torch.from_numpy(scene.boxes[number : number + 1])
    center = box_centers(box)[0].numpy()
    half = max(half_size, 1.2 * float((box_sizes(box)[0].numpy() * scene.spacing).max()) / 2)
    size = np.array(scene.image.shape)
    low = np.clip(np.floor(center - half / scene.spacing), 0, size - 1).astype(int)
    high = np.clip(np.ceil(center + half / scene.spacing), 1, size).astype(int)
    middle = np.clip(np.floor(center), 0, size - 1).astype(int)
    where = tuple(slice(low[a], high[a]) if a in (across, up) else int(middle[a]) for a in range(len(size)))
    focus = (center * scene.spacing)[[across, up]]
    panel = Panel.showing(place, focus - half, focus + half, plane)
    ends = ((low * scene.spacing)[[across, up]], (high * scene.spacing)[[across, up]])
    panel.show(scene.image[where], *ends, scene.window)
    panel.draw_box(scene.boxes[number], scene.spacing, plane, f"{number + 1}: {score:.2f}", _COLORS[number % len(_COLORS)], 2)
    panel.write_directions(plane, "")
    picture.paste(panel.pixels, panel.corner)


@dataclass(frozen=True)
class Place:
    """A rectangle of the picture, in pixels from its upper left corner."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Panel:
    """A view of a plane: volumes with the patient's right, or front, on the left and his head or front up; flat images as on a screen.

    Args:
        pixels: drawn upon.
        corner: of the panel in the picture, pixels.
        origin: (2,) mm, where the view begins across and up.
        scale: pixels per mm.
        is_volume: of the scan.
    """

    pixels: Image.Image
    corner: tuple[int, int]
    origin: np.ndarray
    scale: float
    is_volume: bool

    @staticmethod
    def showing(place: Place, begin: np.ndarray, end: np.ndarray, plane: Sequence[int]) -> Panel:
        """All between two points, mm, as large as the place allows, in its middle."""
        scale = float(min(np.array([place.width, place.height]) / (end - begin)))
        width, height = (max(round(float(length)), 1) for length in (end - begin) * scale)
        corner = (place.left + (place.width - width) // 2, place.top + (place.height - height) // 2)
        return Panel(Image.new("RGB", (width, height), BACKGROUND), corner, begin, scale, plane[2] >= 0)

    def pixel(self, point: np.ndarray) -> np.ndarray:
        """The place (2,) in the panel of a point (2,), mm."""
        across, up = (point - self.origin) * self.scale
        return np.array([self.pixels.width - across, self.pixels.height - up]) if self.is_volume else np.array([across, up])

    def show(self, pixels: Tensor, begin: np.ndarray, end: np.ndarray, window: tuple[float, float]) -> None:
        """Pixels (across, up) that lie between two points, mm."""
        corners = np.stack([self.pixel(begin), self.pixel(end)])
        (left, top), (right, bottom) = (np.rint(corner).astype(int).tolist() for corner in (corners.min(axis=0), corners.max(axis=0)))
        gray = ((pixels - window[0]) * (255 / (window[1] - window[0]))).nan_to_num().clamp(0, 255).to(torch.uint8)
        shown = Image.fromarray((gray.flip(0, 1) if self.is_volume else gray).T.contiguous().numpy())
        self.pixels.paste(shown.resize((max(right - left, 1), max(bottom - top, 1)), Image.Resampling.BILINEAR), (left, top))

    def draw_box(self, box: np.ndarray, spacing: np.ndarray, plane: Sequence[int], text: str, color: str, width: int) -> None:
        """A box (2D,), voxels, with a text at its upper left corner."""
        lower, upper = ((part * spacing)[list(plane[:2])] for part in np.split(box, 2))
        corners = np.stack([self.pixel(lower), self.pixel(upper)])
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        draw = ImageDraw.Draw(self.pixels)
        draw.rectangle((left, top, right, bottom), outline=ImageColor.getrgb(color), width=width)
        draw.text((left + 1, top - 2), text, color, _font(10), anchor="ld")

    def write_directions(self, plane: Sequence[int], name: str) -> None:
        """The letters of the patient's sides at the edges of a volume's panel."""
        if not self.is_volume:
            return
        (width, height), (low, high), (bottom, upper) = self.pixels.size, _ENDS[plane[0]], _ENDS[plane[1]]
        draw = ImageDraw.Draw(self.pixels)
        for x, y, letter in ((0.03, 0.5, high), (0.97, 0.5, low), (0.5, 0.97, bottom), (0.5, 0.03, upper)):
            draw.text((x * width, y * height), letter, _LETTERS, _font(10), anchor="mm")
        draw.text((0.03 * width, height - 3), name, _LETTERS, _font(10), anchor="ld")
