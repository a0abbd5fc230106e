"""What lies where in the picture of a scan's findings."""

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle

from medtk_monai.structures import Detections
from medtk_monai.visualize import plot_overview

RAS = torch.diag(torch.tensor([2.0, 2.0, 2.0, 1.0], dtype=torch.float64))
LPS_ORDER = torch.tensor([[0, 0, -2.0, 46], [0, -2.0, 0, 38], [2.0, 0, 0, 0], [0, 0, 0, 1.0]], dtype=torch.float64)


def found_at(*boxes):
    boxes = torch.tensor(boxes, dtype=torch.float32).reshape(len(boxes), len(boxes[0]) if boxes else 6)
    return Detections(boxes, torch.linspace(0.9, 0.5, len(boxes)), torch.zeros(len(boxes), dtype=torch.int64), torch.arange(len(boxes)))


def rendered(figure):
    """The picture, gray, and the boxes drawn in it: (left, top, right, bottom) in pixels."""
    figure.canvas.draw()
    gray = np.asarray(figure.canvas.buffer_rgba())[..., :3].mean(axis=2)
    boxes = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle) and not patch.get_fill()]
    return gray, [(p.get_x(), p.get_y(), p.get_x() + p.get_width(), p.get_y() + p.get_height()) for p in boxes]


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
    gray, boxes = rendered(plot_overview(image, found_at(box), affine, "scan"))
    assert len(boxes) == 6
    for left, top, right, bottom in boxes:
        inside = gray[round(top) + 3 : round(bottom) - 3, round(left) + 3 : round(right) - 3]
        around = gray[round(top) - 12 : round(top) - 10, round(right) + 8 : round(right) + 10]
        assert inside.size and inside.min() > 200 and around.max() < 60
    (axial, coronal, sagittal), slices = boxes[:3], boxes[3:]
    panels = [(12, 260), (272, 520), (532, 780)]
    halves = [(box[0] + box[2]) / 2 < sum(panel) / 2 for box, panel in zip((axial, coronal, sagittal), panels)]
    assert halves == [True, True, True], "the patient's right is on the left, and so is his front"
    assert (axial[1] + axial[3]) / 2 < 48 + 318 / 2, "the front is up"
    assert (coronal[1] + coronal[3]) / 2 > 48 + 318 / 2 and (sagittal[1] + sagittal[3]) / 2 > 48 + 318 / 2, "the head is up"
    for box, panel in zip(slices, panels):
        assert abs((box[0] + box[2]) / 2 - sum(panel) / 2) < 2, "a finding is in the middle of its slices"


def test_flat_images_are_shown_as_on_a_screen():
    image = torch.zeros(1, 40, 30)
    image[0, 4:10, 3:9] = 50
    gray, boxes = rendered(plot_overview(image, found_at([4, 3, 10, 9]), torch.eye(3), "flat"))
    assert len(boxes) == 2
    left, top, right, bottom = boxes[0]
    assert gray[round((top + bottom) / 2), round((left + right) / 2)] > 200 and left < 130 and top < 48 + 318 / 2


@pytest.mark.parametrize("count, boxes", [(0, 0), (2, 12), (6, 30), (14, 42)])
def test_numbers_of_findings(tmp_path, count, boxes):
    generator = torch.Generator().manual_seed(0)
    centers = torch.rand(count, 3, generator=generator) * 16 + 2
    found = found_at(*torch.cat([centers - 1, centers + 1], dim=1).tolist())
    figure = plot_overview(torch.rand(1, 20, 20, 20), found, RAS, "a $case$ name", tmp_path / "p.png")
    assert len(rendered(figure)[1]) == boxes and (tmp_path / "p.png").stat().st_size > 1000
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert ("no findings" in texts[0]) == (count == 0) and texts[0].startswith("a $case$ name")


def test_an_image_of_one_value_and_a_box_that_leaves_it():
    rendered(plot_overview(torch.ones(1, 5, 1, 3), found_at([-3.0, -2, -1, 9, 8, 7]), RAS, "odd"))
