"""What lies where in the picture of a scan's findings."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageColor

from medtk_monai.structures import Detections
from medtk_monai.visualize import plot_overview
from medtk_monai.visualize.panels import projected

RAS = torch.diag(torch.tensor([2.0, 2.0, 2.0, 1.0], dtype=torch.float64))
LPS_ORDER = torch.tensor([[0, 0, -2.0, 46], [0, -2.0, 0, 38], [2.0, 0, 0, 0], [0, 0, 0, 1.0]], dtype=torch.float64)


def found_at(*boxes):
    boxes = torch.tensor(boxes, dtype=torch.float32).reshape(len(boxes), len(boxes[0]) if boxes else 6)
    return Detections(boxes, torch.linspace(0.9, 0.5, len(boxes)), torch.zeros(len(boxes), dtype=torch.int64), torch.arange(len(boxes)))


PANELS = [(12, 260), (272, 520), (532, 780)]
ORANGE, GREEN = "#ff9f1c", "#3ddc5b"
"""Of the best and of the second finding."""


def outline(picture, columns, rows, color=ORANGE):
    """The box of a color in a part of the picture: (left, top, right, bottom) in pixels; None without one."""
    pixels = np.asarray(picture)[slice(*rows), slice(*columns)]
    lines = (pixels == ImageColor.getrgb(color)).all(axis=-1)
    long = [np.flatnonzero(lines.sum(axis=axis) >= max(5, 0.9 * lines.sum(axis=axis).max())) for axis in (0, 1)]
    if not len(long[0]) or not len(long[1]):
        return None
    return columns[0] + long[0][0], rows[0] + long[1][0], columns[0] + long[0][-1], rows[0] + long[1][-1]


def volume(affine):
    """A bright block on the patient's right, in front, at the bottom: 24 x 20 x 16 voxels of 2 mm, in RAS or turned."""
    image, box = torch.zeros(1, 24, 20, 16), [18, 14, 2, 22, 18, 6]
    image[0, 18:22, 14:18, 2:6] = 100
    if affine is LPS_ORDER:
        image = image.flip(1, 2).permute(0, 3, 2, 1)
        box = [2, 2, 2, 6, 6, 6]
    return image, box


@pytest.mark.parametrize("affine", [RAS, LPS_ORDER])
def test_boxes_lie_on_what_they_mark(affine):
    image, box = volume(affine)
    picture = plot_overview(image, found_at(box), affine, "scan")
    gray = np.asarray(picture.convert("L"))
    places = [outline(picture, panel, rows) for rows in ((48, 366), (378, 638)) for panel in PANELS]
    for left, top, right, bottom in places:
        inside = gray[top + 7 : bottom - 7, left + 7 : right - 7]
        around = gray[top + 4 : bottom - 4, right + 10 : right + 14]
        assert inside.size and inside.min() > 200 and around.max() < 60
    (axial, coronal, sagittal), slices = places[:3], places[3:]
    halves = [(box[0] + box[2]) / 2 < sum(panel) / 2 for box, panel in zip((axial, coronal, sagittal), PANELS)]
    assert halves == [True, True, True], "the patient's right is on the left, and so is his front"
    assert (axial[1] + axial[3]) / 2 < 48 + 318 / 2, "the front is up"
    assert (coronal[1] + coronal[3]) / 2 > 48 + 318 / 2 and (sagittal[1] + sagittal[3]) / 2 > 48 + 318 / 2, "the head is up"
    for box, panel in zip(slices, PANELS):
        assert abs((box[0] + box[2]) / 2 - sum(panel) / 2) < 2, "a finding is in the middle of its slices"


def test_flat_images_are_shown_as_on_a_screen():
    image = torch.zeros(1, 40, 30)
    image[0, 4:10, 3:9] = 50
    picture = plot_overview(image, found_at([4, 3, 10, 9]), torch.eye(3), "flat")
    left, top, right, bottom = outline(picture, (0, picture.width), (48, 366))
    middle = picture.convert("L").getpixel(((left + right) // 2, (top + bottom) // 2))
    assert middle > 200 and left < 130 and top < 48 + 318 / 2


@pytest.mark.parametrize("count, rows", [(0, 0), (1, 1), (2, 2), (6, 4), (14, 4)])
def test_numbers_of_findings(tmp_path, count, rows):
    where = torch.arange(count, dtype=torch.float32)[:, None] * torch.ones(3) * 4 + 2
    found = found_at(*torch.cat([where - 1, where + 1], dim=1).tolist())
    picture = plot_overview(torch.rand(1, 60, 60, 60), found, RAS, "a $case$ name", tmp_path / "p.png")
    assert picture.size == (792, 378 + 260 * rows)
    assert Image.open(tmp_path / "p.png").size == picture.size
    pixels = np.asarray(picture)[48:366]
    seen = [(pixels == ImageColor.getrgb(color)).all(axis=-1).any() for color in (ORANGE, GREEN)]
    assert seen == [count > 0, count > 1]


def test_the_title_tells_the_number_of_findings():
    one = [plot_overview(torch.rand(1, 9, 9, 9), found_at(*[[1, 1, 1, 4, 4, 4]] * count), RAS, "a") for count in (0, 1, 2)]
    titles = [np.asarray(picture)[:48, :792].tobytes() for picture in one]
    assert len(set(titles)) == 3


def test_projections_follow_the_axes():
    image = torch.rand(1, 7, 5, 3)
    for turned in (image[0], image[0].permute(2, 0, 1), image[0].flip(1).permute(1, 2, 0)):
        for axis in range(3):
            torch.testing.assert_close(projected(turned, axis), turned.amax(axis))


@pytest.mark.parametrize("image", [torch.ones(1, 5, 1, 3), torch.full((1, 4, 4, 4), torch.nan), torch.ones(1, 1, 1, 1)])
def test_an_image_of_one_value_and_a_box_that_leaves_it(image):
    assert plot_overview(image, found_at([-3.0, -2, -1, 9, 8, 7]), RAS, "odd").size == (792, 638)
