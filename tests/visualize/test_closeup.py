import numpy as np
import pytest
import torch

from medtk_monai.visualize.closeup import plot_closeup

SIDE, GAP = 220, 4


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (-1, -1, 1)])
def test_the_box_is_in_the_middle_of_each_slice(signs):
    """A bright block in the dark: each slice shows it in its middle, with the box around it, whatever way the axes point."""
    image = torch.zeros(1, 40, 50, 60)
    image[0, 8:12, 30:34, 40:44] = 100
    affine = torch.diag(torch.tensor([*signs, 1.0], dtype=torch.float64))
    picture = np.asarray(plot_closeup(image, torch.tensor([[8.0, 30, 40, 12, 34, 44]]), affine, "#ff0000"))
    assert picture.shape == (2 * SIDE + GAP, 2 * SIDE + GAP, 3)
    for top, left in ((0, 0), (0, SIDE + GAP), (SIDE + GAP, 0)):
        view = picture[top : top + SIDE, left : left + SIDE]
        assert (view[SIDE // 2 - 2 : SIDE // 2 + 2, SIDE // 2 - 2 : SIDE // 2 + 2] > 200).all()
        red = (view[..., 0] > 200) & (view[..., 1] < 50)
        rows, columns = np.nonzero(red)
        width = 4 / 40 * SIDE
        assert abs(np.ptp(rows) - width) < 4 and abs(rows.mean() - SIDE / 2) < 4 and abs(columns.mean() - SIDE / 2) < 4
    projection = picture[SIDE + GAP :, SIDE + GAP :]
    rows, columns = np.nonzero((projection[..., 0] > 200) & (projection[..., 1] < 50))
    inside = projection[int(rows.mean()), int(columns.mean())]
    assert (inside > 200).all()


def test_flat_images_have_two_views():
    assert plot_closeup(torch.rand(1, 30, 20), torch.tensor([[3.0, 4, 9, 8]]), torch.eye(3), "#ff0000").size == (2 * SIDE + GAP, SIDE)
