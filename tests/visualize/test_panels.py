import numpy as np
import pytest
import torch

from medtk_monai.visualize.closeup import plot_closeup
from medtk_monai.visualize.panels import window_of


def test_masked_background_does_not_set_the_window():
    inside = torch.linspace(100, 200, 4001)
    masked = torch.cat([torch.zeros(6000), inside])
    assert window_of(masked) == pytest.approx(tuple(np.percentile(inside.numpy(), (1, 99.9))), abs=0.1)
    assert window_of(inside) == pytest.approx(tuple(np.percentile(inside.numpy(), (1, 99.9))))


def test_windows_of_few_values():
    assert window_of(torch.tensor([0.0, 0, 0, 7])) == (0, 7) and window_of(torch.zeros(0)) == (0, 1)
    low, high = window_of(torch.full((5,), 3.0))
    assert low == 3 and 3 < high < 3.001


def test_the_fourth_view_is_the_slice_through_the_box():
    """A block in another slice, which a projection would show, is not seen."""
    image = torch.zeros(1, 40, 40, 40)
    image[0, 8:12, 8:12, 10:14], image[0, 28:34, 28:34, 30:36] = 100, 100
    picture = np.asarray(plot_closeup(image, torch.tensor([[8.0, 8, 10, 12, 12, 14]]), torch.eye(4), "#ff0000"))
    view = picture[224:, 224:]
    assert (view[220 - 66 : 220 - 44, 220 - 66 : 220 - 44].min(axis=2) > 200).any(), "right and anterior are up and on the left"
    assert view[220 - 180 : 220 - 160, 220 - 180 : 220 - 160].max() < 60
