"""Views of a scan with boxes: slices and projections, turned to the patient, drawn as pixels."""

from __future__ import annotations

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
from medtk_monai.transforms.sampling import evenly_sampled

Plane = tuple[int, int, int]
PLANES: dict[str, Plane] = {"axial": (0, 1, 2), "coronal": (0, 2, 1), "sagittal": (1, 2, 0)}
"""World axes to the right, upwards, and across."""
FLAT: dict[str, Plane] = {"": (0, 1, -1)}
"""The one plane of a flat image."""
BACKGROUND, _LETTERS = "#11151c", "#c3d2e2"
_LETTER_SIZE = 11
_ENDS = (("L", "R"), ("P", "A"), ("I", "S"))
_MAX_VOXELS = 500_000
_MASKED = 0.05
"""A share of pixels with one value from which on they are background."""


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

    @property
    def planes(self) -> dict[str, Plane]:
        """The planes of its slices, by name."""
        return PLANES if self.image.ndim == 3 else FLAT


@cache
def font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def turned(image: Tensor, boxes: Tensor, affine: Tensor, window: tuple[float, float] | None = None) -> Scene:
    """A scan (*spatial) and boxes (N, 2D), voxels, turned to the nearest axes of the world; flat images stay as they are.

    Args:
        affine: (D + 1, D + 1), voxel centers -> RAS mm.
        window: see ``Scene``; ``window_of_scan`` unless given.
    """
    pixels, dims = image.detach().cpu().float(), image.ndim
    matrix = spatial_affine(affine, dims).numpy()
    spacing = np.linalg.norm(matrix[:-1, :-1], axis=0)
    corners = boxes.detach().cpu().double().numpy().reshape(-1, 2, dims)
    window = window or window_of_scan(pixels)
    if dims == 3:
        directions = nibabel.orientations.io_orientation(matrix)  # type: ignore[attr-defined]
        flipped = np.flatnonzero(directions[:, 1] < 0).tolist()
        for axis in flipped:
            corners[:, :, axis] = pixels.shape[axis] - corners[:, ::-1, axis]
        order = np.argsort(directions[:, 0]).tolist()
        pixels, corners, spacing = pixels.flip(flipped).permute(order), corners[:, :, order], spacing[order]
    return Scene(pixels, corners.reshape(-1, 2 * dims), spacing, window)


def window_of_scan(pixels: Tensor, max_voxels: int = _MAX_VOXELS) -> tuple[float, float]:
    """``window_of`` about so many of the voxels, evenly spread."""
    return window_of(torch.from_numpy(evenly_sampled(pixels.numpy(), max_voxels)).float())


def window_of(pixels: Tensor) -> tuple[float, float]:
    """The intensities shown black and white: the 1st and the 99.9th percentile.

    The lowest value is left out where it is that of many pixels, as around a head whose surroundings are masked: with them the dark
    tissues would be as bright as the others.
    """
    values = pixels.numpy().ravel()
    if not values.size:
        return 0.0, 1.0
    lowest = values.min()
    inside = values[values > lowest] if (values == lowest).mean() > _MASKED else values
    low, high = np.percentile(inside, (1, 99.9)) if inside.size else (lowest, lowest)
    low = low if high > low else lowest
    return float(low), float(max(high, low + 1e-6))


def projected(image: Tensor, along: int) -> Tensor:
    """The maxima along an axis, found in the order of the memory: ten times as fast as across it."""
    order = sorted(range(image.ndim), key=image.stride, reverse=True)
    rest = [axis for axis in order if axis != along]
    return image.permute(order).amax(order.index(along)).permute([rest.index(axis) for axis in sorted(rest)])


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
        draw.text((left + 1, top - 2), text, color, font(10), anchor="ld")

    def write_directions(self, plane: Sequence[int], name: str) -> None:
        """The letters of the patient's sides at the edges of a volume's panel."""
        if not self.is_volume:
            return
        (width, height), (low, high), (bottom, upper) = self.pixels.size, _ENDS[plane[0]], _ENDS[plane[1]]
        draw = ImageDraw.Draw(self.pixels)
        edge: dict[str, Any] = {"stroke_width": 1, "stroke_fill": BACKGROUND}  # readable on bright tissue too
        for x, y, letter in ((0.03, 0.5, high), (0.97, 0.5, low), (0.5, 0.97, bottom), (0.5, 0.03, upper)):
            draw.text((x * width, y * height), letter, _LETTERS, font(_LETTER_SIZE), anchor="mm", **edge)
        draw.text((0.03 * width, height - 3), name, _LETTERS, font(_LETTER_SIZE), anchor="ld", **edge)

    def put_on(self, picture: Image.Image) -> None:
        """Paste the panel at its place."""
        picture.paste(self.pixels, self.corner)


def slice_panel(scene: Scene, number: int, plane: Plane, place: Place, half_size: float) -> Panel:
    """The slice through the middle of a box of the scene.

    Args:
        half_size: half the width of the view, mm; a larger box widens it.
    """
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
    panel.show(scene.image[where], (low * scene.spacing)[[across, up]], (high * scene.spacing)[[across, up]], scene.window)
    return panel


def projection_panel(scene: Scene, plane: Plane, place: Place) -> Panel:
    """The maximum intensity projection of a volume across a plane; the whole of a flat image."""
    along = plane[2]
    pixels = projected(scene.image, along) if scene.image.ndim == 3 else scene.image
    return _whole_panel(scene, pixels, plane, place, window_of(pixels))


def whole_slice_panel(scene: Scene, number: int, plane: Plane, place: Place) -> Panel:
    """The whole slice through the middle of a box of the scene; the whole of a flat image."""
    along = plane[2]
    if scene.image.ndim != 3:
        return _whole_panel(scene, scene.image, plane, place, scene.window)
    middle = float(box_centers(torch.from_numpy(scene.boxes[number : number + 1]))[0, along])
    at = min(max(int(np.floor(middle)), 0), scene.image.shape[along] - 1)
    return _whole_panel(scene, scene.image.select(along, at), plane, place, scene.window)


def _whole_panel(scene: Scene, pixels: Tensor, plane: Plane, place: Place, window: tuple[float, float]) -> Panel:
    across, up, _ = plane
    extent = np.array(scene.image.shape)[[across, up]] * scene.spacing[[across, up]]
    panel = Panel.showing(place, np.zeros(2), extent, plane)
    panel.show(pixels, np.zeros(2), extent, window)
    return panel
