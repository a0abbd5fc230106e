import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from medtk_monai.anchors import AnchorGenerator, PointGenerator
from medtk_monai.coders import DeltaCoder, DistanceCoder
from medtk_monai.detectors import DetectionNetwork, Postprocessor
from medtk_monai.heads import AnchorHead, PointHead
from medtk_monai.inferers import WindowedInferer, plan_windows
from medtk_monai.networks import FeaturePyramid, ResidualEncoder, measure_maps
from medtk_monai.suppressors import NMS
from tests.inferers.marked import MarkNetwork, mark, postprocessor

MARGIN = 24
"""At least the receptive field's radius of the networks below, rounded up to the stride."""


def probe(dims, kind):
    """A small network with random weights, and its postprocessor; batch norm in eval looks at one place only."""
    torch.manual_seed(dims)
    head = AnchorHead(dims, 4, 2, 2, 0) if kind == "anchor" else PointHead(dims, 4, 2, 2, 0)
    encoder = ResidualEncoder(dims, 1, (3, 4), (2, 2), (1, 1))
    network = DetectionNetwork(encoder, FeaturePyramid(dims, measure_maps(encoder, dims, 1), 4, [0, 1]), head).eval()
    nn.init.normal_(network.head.logits.conv.weight, std=0.5)
    nn.init.zeros_(network.head.logits.conv.bias)
    nn.init.normal_(network.head.deltas.conv.weight, std=0.3)
    generator = AnchorGenerator([2, 4], [[3, 5], [8, 12]]) if kind == "anchor" else PointGenerator([2, 4])
    coder = DeltaCoder() if kind == "anchor" else DistanceCoder()
    return network, Postprocessor(generator, coder, NMS(1.0), score_threshold=0.55, top_k=10**6, max_detections=10**6)


def assert_same(found, expected):
    """The same candidates; scores that agree but for rounding may rank differently."""
    found, expected = (part[(part.prior_ids * 2 + part.labels).argsort()] for part in (found, expected))
    assert found.prior_ids.tolist() == expected.prior_ids.tolist()
    assert found.labels.tolist() == expected.labels.tolist()
    torch.testing.assert_close(found.boxes, expected.boxes, atol=1e-3, rtol=0)
    torch.testing.assert_close(found.scores, expected.scores, atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", ["anchor", "point"])
@settings(max_examples=15, deadline=None)
@given(size=st.tuples(st.integers(1, 50), st.integers(1, 50)), room=st.integers(1, 12), batch=st.integers(1, 5), seed=st.integers(0, 99))
def test_windows_of_any_size_see_what_the_whole_image_shows(kind, size, room, batch, seed):
    network, postprocessor = probe(2, kind)
    image = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(seed))
    (whole,) = WindowedInferer(postprocessor, 2 * MARGIN + 128, MARGIN)(image, network)
    (found,) = WindowedInferer(postprocessor, 2 * MARGIN + 4 * room, MARGIN, batch)(image, network)
    assert_same(found, whole)


@pytest.mark.parametrize("kind", ["anchor", "point"])
@settings(max_examples=6, deadline=None)
@given(
    size=st.tuples(st.integers(1, 26), st.integers(1, 18), st.integers(1, 14)),
    rooms=st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
    batch=st.integers(1, 3),
)
def test_windows_agree_in_3d(kind, size, rooms, batch):
    network, postprocessor = probe(3, kind)
    image = torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(1))
    whole = WindowedInferer(postprocessor, 2 * MARGIN + 32, MARGIN)(image, network)
    windows = WindowedInferer(postprocessor, tuple(2 * MARGIN + 4 * room for room in rooms), MARGIN, batch)(image, network)
    for found, expected in zip(windows, whole):
        assert_same(found, expected)


def test_too_small_a_margin_shows_in_the_scores():
    """The comparison above can fail: without a margin the windows' borders change what is found."""
    network, postprocessor = probe(2, "anchor")
    image = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    (whole,) = WindowedInferer(postprocessor, 256, MARGIN)(image, network)
    (found,) = WindowedInferer(postprocessor, 16, 0)(image, network)
    with pytest.raises(AssertionError):
        assert_same(found, whole)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_cores_tile_the_image_once_and_align_with_the_stride(data):
    dims = data.draw(st.integers(2, 3))
    numbers = lambda low, high: data.draw(st.tuples(*[st.integers(low, high)] * dims))  # noqa: E731
    size, stride, margin = numbers(1, 60), tuple(2**n for n in numbers(0, 3)), numbers(0, 9)
    window = tuple(2 * (m + s) + s + extra for m, s, extra in zip(margin, stride, numbers(0, 40)))
    windows, extent = plan_windows(size, window, margin, stride)
    cover = torch.zeros(*(n + 200 for n in size), dtype=torch.int64)
    for w in windows:
        assert all(o % s == 0 and c % s == 0 for o, c, s in zip(w.origin, w.core_min, stride))
        assert all(o + e >= c + m for o, e, c, m in zip(w.origin, extent, w.core_max, margin))
        assert all(e <= n for e, n in zip(extent, window))
        cover[tuple(slice(a, b) for a, b in zip(w.core_min, w.core_max))] += 1
    assert (cover[tuple(slice(0, n) for n in size)] == 1).all()


def counting(network):
    """The network, and a list that grows by the windows it sees."""
    seen = []
    network.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    return network, seen


def test_windows_without_foreground_are_left_out():
    image = torch.zeros(1, 1, 32, 48)
    mark(image[0], (1, 2))
    mark(image[0], (6, 9), 0.7)
    (everything,) = WindowedInferer(postprocessor(), 16, 4)(image, MarkNetwork())
    for threshold, windows, found in ((-1.0, 24, 2), (0.0, 2, 2), (0.9, 1, 1), (9.0, 0, 0)):
        network, seen = counting(MarkNetwork())
        (result,) = WindowedInferer(postprocessor(), 16, 4, foreground_threshold=threshold)(image, network)
        assert (sum(seen), len(result)) == (windows, found)
        assert result.prior_ids.tolist() == everything.prior_ids[:found].tolist()
        assert result.boxes.shape == (found, 4)


def test_windows_outside_a_mask_are_left_out():
    image = torch.zeros(2, 1, 32, 48)
    for one in image:
        mark(one, (1, 2))
        mark(one, (6, 9))
    mask = torch.zeros(2, 1, 32, 48, dtype=torch.bool)
    mask[0, :, 4, 8] = True
    network, seen = counting(MarkNetwork())
    first, second = WindowedInferer(postprocessor(), 16, 4)(image, network, mask)
    assert sum(seen) == 1 and len(first) == 1 and len(second) == 0


def test_a_window_without_room_for_a_core_is_refused():
    with pytest.raises(ValueError, match="enlarge"):
        plan_windows((64, 64), (32, 32), (16, 16), (8, 8))
