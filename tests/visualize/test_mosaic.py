"""Boxes of a mosaic lie where their objects are, in the color of what they are."""

import numpy as np
import torch
from PIL import ImageColor

from medtk_monai.metrics import IoUHit, match_detections
from medtk_monai.structures import Detections, Target
from medtk_monai.visualize.mosaic import COLORS, make_tile, plot_mosaic

FOUND, MISSED, WRONG = [10.0, 20.0, 50.0, 60.0], [70.0, 10.0, 90.0, 30.0], [60.0, 60.0, 80.0, 70.0]
TILE = 360
"""Pixels of a tile's width."""


def tile(channels=3, width=120, height=80, scores=(0.9, 0.6, 0.1)):
    image = torch.zeros(channels, width, height)
    image[:, 10:50, 20:60] = 1.0
    target = Target(torch.tensor([FOUND, MISSED]), torch.tensor([1, 0]), torch.zeros(2, dtype=torch.bool))
    boxes = torch.tensor([FOUND, WRONG, MISSED])
    detections = Detections(boxes, torch.tensor(scores), torch.tensor([1, 0, 0]), torch.arange(3))
    return make_tile(image, detections, target, match_detections(detections, target, IoUHit(0.5)), "case 7")


def pixels_of(picture, color):
    """Bounding box of the pixels of a color below the legend: left, top, right, bottom."""
    rows, columns = np.nonzero((np.asarray(picture)[36:] == ImageColor.getrgb(color)).all(axis=2))
    return [columns.min(), rows.min() + 36, columns.max(), rows.max() + 36]


def placed(box, scale=3.0, left=8, top=54):
    return [left + box[0] * scale, top + box[1] * scale, left + box[2] * scale, top + box[3] * scale]


def test_boxes_lie_where_they_should(tmp_path):
    picture = plot_mosaic([tile()], 0.5, tmp_path / "mosaic.png", ["platelet", "red cell"])
    assert (tmp_path / "mosaic.png").stat().st_size > 0 and picture.width >= TILE
    for color, box in ((COLORS[1], FOUND), ("#ff2d2d", WRONG)):
        np.testing.assert_allclose(pixels_of(picture, color), placed(box), atol=1)
    dashes = np.asarray(picture)[54 + 30 - 1 : 54 + 30 + 2, 8 + 210 : 8 + 270]
    assert 0.2 < (dashes == 255).all(axis=2).any(axis=0).mean() < 0.9  # the upper edge of the missed object


def test_the_threshold_turns_misses_into_findings():
    picture = plot_mosaic([tile()], 0.05)
    np.testing.assert_allclose(pixels_of(picture, COLORS[0]), placed(MISSED), atol=1)


def test_images_of_other_sizes_and_channels_share_a_mosaic():
    tiles = [tile(1), tile(3, 60, 90), tile(2, 300, 100), tile(), tile(scores=(0.4, 0.4, 0.4))]
    picture = plot_mosaic(tiles, 0.5, columns=2)
    assert picture.width == 2 * TILE + 3 * 8 and picture.height > 540 + 240 + 240
    assert plot_mosaic([], 0.5).height > 0


def test_tall_images_stay_small():
    assert make_tile(torch.rand(1, 4, 3000), *_nothing(), "tall").pixels.shape == (3 * TILE, 1)


def test_a_threshold_out_of_reach_draws_misses_only():
    colors = np.asarray(plot_mosaic([tile()], float("inf")))[36:].reshape(-1, 3)
    assert not (colors == ImageColor.getrgb("#ff2d2d")).all(axis=1).any() and (colors == 255).all(axis=1).sum() > 100


def test_images_without_contrast_are_drawn():
    shown = make_tile(torch.ones(3, 10, 10), *_nothing(), "flat")
    assert shown.pixels.shape == (TILE, TILE, 3) and (shown.pixels == shown.pixels[0, 0]).all()


def _nothing():
    target = Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool))
    detections = Detections(torch.zeros(0, 4), torch.zeros(0), *torch.zeros(2, 0, dtype=torch.int64))
    return detections, target, match_detections(detections, target, IoUHit(0.5))
