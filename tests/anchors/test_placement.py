"""Priors of windows against those of the whole image, found by comparing positions."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medtk_monai.anchors import AnchorGenerator, PointGenerator, place_in_window
from medtk_monai.anchors.placement import image_grid
from medtk_monai.inferers import plan_windows


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_prior_of_the_image_is_in_one_window_at_its_place(data):
    dims = data.draw(st.integers(2, 3))
    strides = data.draw(st.sampled_from([[2, 4], [4], [(1, 2, 2)[:dims], (2, 4, 2)[:dims]]]))
    generator = AnchorGenerator(strides, [[3, 5]] * len(strides)) if data.draw(st.booleans()) else PointGenerator(strides)
    size = data.draw(st.tuples(*[st.integers(1, 13)] * dims))
    margin = data.draw(st.integers(0, 5))
    windows, extent = plan_windows(size, (2 * margin + 16,) * dims, (margin,) * dims, (4,) * dims)
    features = [tuple(n // s for n, s in zip(extent, stride if isinstance(stride, tuple) else (stride,) * dims)) for stride in strides]
    grid = image_grid(generator, size)
    whole, seen = generator(grid.feature_sizes, "cpu"), []
    for window in windows:
        found, positions = place_in_window(generator, features, window)
        local = generator(features, "cpu")
        torch.testing.assert_close(local.boxes[positions] + torch.tensor(window.origin * 2), found.boxes)
        torch.testing.assert_close(whole.boxes[found.ids], found.boxes)
        for name in ("levels", "strides", "points"):
            assert torch.equal(getattr(whole, name)[found.ids], getattr(found, name))
        seen += found.ids.tolist()
    assert sorted(seen) == list(range(len(grid)))
