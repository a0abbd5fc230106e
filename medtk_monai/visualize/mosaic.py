"""Whole flat images side by side, with what was found in them and what was missed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from medtk_monai.metrics import CaseMatches, Outcome
from medtk_monai.structures import Detections, Target
from medtk_monai.visualize.panels import font
from medtk_monai.visualize.pictures import save_picture

COLORS = ("#3ddc5b", "#ff9f1c", "#4cc9f0", "#f72585", "#ffe66d", "#c77dff", "#2ec4b6", "#a7c957")
"""Of the classes; after the last one they come again."""
_FALSE, _MISSED, _BACKGROUND = "#ff2d2d", "#ffffff", "#202020"
_WIDTH, _HEAD, _GAP, _DASH = 360, 18, 8, 4
"""Pixels: of a tile's width, of the lines of text, between tiles, and of the dashes."""
_TALLEST = 3
"""Widths that a tile may be high; it is narrower then."""
_WINDOW = (0.5, 99.5)
"""Percentiles of each channel that become black and white."""


@dataclass(frozen=True)
class Tile:
    """One image, kept small, with its boxes.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        scale: pixels per voxel.
        detections: voxels of the image.
        target: its objects.
        matches: what found what.
        case_id: its title.
    """

    pixels: np.ndarray
    scale: float
    detections: Detections
    target: Target
    matches: CaseMatches
    case_id: str


def make_tile(image: Tensor, detections: Detections, target: Target, matches: CaseMatches, case_id: str) -> Tile:
    """An image (C, W, H), of which three channels are shown as colors and else the first in gray, scaled to the width of a tile."""
    colored = image.detach().cpu().float().numpy().transpose(2, 1, 0)
    colored = colored if colored.shape[2] == 3 else colored[:, :, :1]
    low, high = np.percentile(colored, _WINDOW, axis=(0, 1))
    shown = np.clip((colored - low) / np.where(high > low, high - low, 1.0), 0, 1) * 255
    scale = min(_WIDTH / shown.shape[1], _TALLEST * _WIDTH / shown.shape[0])
    small = Image.fromarray(shown.astype(np.uint8).squeeze(2) if shown.shape[2] == 1 else shown.astype(np.uint8))
    small = small.resize([max(round(side * scale), 1) for side in (shown.shape[1], shown.shape[0])], Image.Resampling.BILINEAR)
    return Tile(np.asarray(small), scale, detections, target, matches, case_id)


def plot_mosaic(
    tiles: Sequence[Tile], threshold: float, path: str | os.PathLike | None = None, class_names: Sequence[str] = (), columns: int = 4
) -> Image.Image:
    """Draw images with the detections from a score on: true positives in the color of their class, false positives in red with a diagonal,
    and missed objects dashed in white. Ignored objects, and detections set aside, are left out.

    Args:
        threshold: lowest score that is drawn.
        path: where to save it, in the format of its suffix; None to save nothing.
        class_names: of class 0, 1, ...; numbers where there are none.
        columns: tiles in a row.
    """
    heights = [max(tile.pixels.shape[0] for tile in tiles[row : row + columns]) for row in range(0, len(tiles), columns)]
    width = min(columns, max(len(tiles), 1)) * (_WIDTH + _GAP) + _GAP
    picture = Image.new("RGB", (max(width, 2 * _WIDTH), 2 * _HEAD + sum(heights) + len(heights) * (_HEAD + _GAP)), _BACKGROUND)
    _write_legend(ImageDraw.Draw(picture), tiles, threshold, class_names)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        place = (_GAP + column * (_WIDTH + _GAP), 2 * _HEAD + sum(heights[:row]) + row * (_HEAD + _GAP))
        ImageDraw.Draw(picture).text(place, tile.case_id, "white", font(12))
        picture.paste(_draw_tile(tile, threshold), (place[0], place[1] + _HEAD))
    if path is not None:
        save_picture(picture, path)
    return picture


def _draw_tile(tile: Tile, threshold: float) -> Image.Image:
    picture = Image.fromarray(tile.pixels).convert("RGB")
    draw = ImageDraw.Draw(picture)
    found, outcomes = tile.matches.scores >= threshold, tile.matches.outcomes
    for index in np.flatnonzero(~(tile.matches.found_scores >= threshold) & ~tile.matches.object_ignored):
        _draw_dashed(draw, _corners(tile.target.boxes[index], tile.scale))
    for index in np.flatnonzero(found & (outcomes == Outcome.FALSE_POSITIVE)):
        corners = _corners(tile.detections.boxes[index], tile.scale)
        draw.rectangle(corners, outline=_FALSE, width=2)
        draw.line(corners, _FALSE, 1)
    for index in np.flatnonzero(found & (outcomes == Outcome.TRUE_POSITIVE)):
        draw.rectangle(_corners(tile.detections.boxes[index], tile.scale), outline=_color(int(tile.matches.labels[index])), width=2)
    return picture


def _corners(box: Tensor, scale: float) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(value) * scale for value in box)
    return left, top, max(right, left), max(bottom, top)


def _draw_dashed(draw: ImageDraw.ImageDraw, corners: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = corners
    for at in np.arange(left, right, 2 * _DASH):
        for y in (top, bottom):
            draw.line((at, y, min(at + _DASH, right), y), _MISSED, 2)
    for at in np.arange(top, bottom, 2 * _DASH):
        for x in (left, right):
            draw.line((x, at, x, min(at + _DASH, bottom)), _MISSED, 2)


def _write_legend(draw: ImageDraw.ImageDraw, tiles: Sequence[Tile], threshold: float, class_names: Sequence[str]) -> None:
    labels = sorted({int(label) for tile in tiles for label in (*tile.matches.labels, *tile.matches.object_labels)})
    words = [(class_names[label] if label < len(class_names) else f"class {label}", _color(label)) for label in labels]
    place = float(_GAP)
    for text, color in [*words, ("false positive", _FALSE), ("missed", _MISSED), (_scores_from(threshold), "#a0a0a0")]:
        draw.text((place, 8), text, color, font(14))
        place += draw.textlength(text, font(14)) + 3 * _GAP


def _scores_from(threshold: float) -> str:
    return f"score from {threshold:.2f}" if threshold < float("inf") else "no threshold with so few false positives"


def _color(label: int) -> str:
    return COLORS[label % len(COLORS)]
