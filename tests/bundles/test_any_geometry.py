"""Whatever geometry is asked of the bundle: it is refused with the numbers before training, or every coordinate is right."""

import re
from itertools import product
from math import ceil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medtk_monai.anchors.placement import image_grid, place_in_window
from medtk_monai.assigners import ATSSAssigner
from medtk_monai.bundle.overrides import read_config
from medtk_monai.coders import DeltaCoder
from medtk_monai.detectors import Postprocessor, dense_stage
from medtk_monai.errors import DataError, find_data_error
from medtk_monai.structures import DenseOutput, Target
from medtk_monai.suppressors import NMS
from tests.bundles.running import BUNDLE, TRAIN
from tests.detectors.planted import unflatten


def build(values):
    """The parts that training and inference use, after the check that precedes training."""
    overlay = values.get("overlay")
    files = [TRAIN, *([str(BUNDLE / "heads" / f"{overlay}.json")] if overlay else [])]
    parser = read_config(files, {"device": "cpu", "seed": 0, **{name: value for name, value in values.items() if name != "overlay"}})
    try:
        parser.get_parsed_content("check_geometry")()
        return parser.get_parsed_content
    except Exception as error:  # MONAI wraps what fails while it builds
        cause = find_data_error(error)
        if cause is None:
            raise
        raise cause from error


def per_axis(draw, dims, low, high):
    return draw(st.one_of(st.integers(low, high), st.lists(st.integers(low, high), min_size=dims, max_size=dims)))


OVERLAYS = ("combined", "quality", "segmentation", "two_stage")


@st.composite
def geometries(draw):
    """Values of the bundle, often consistent."""
    dims, stages = draw(st.sampled_from([2, 3])), draw(st.integers(1, 3))
    highest, past = draw(st.sampled_from([2] * 9 + [3])), draw(st.sampled_from([0] * 9 + [1]))
    levels = draw(st.lists(st.integers(0, stages - 1 + past), min_size=1, max_size=stages, unique=True))
    count = len(levels) + draw(st.sampled_from([0] * 8 + [-1, 1]))
    most = draw(st.sampled_from([1, 1, 1, 2]))
    values = {
        "spatial_dims": dims,
        **draw(st.sampled_from([{"head": "point"}, {"head": "anchor"}, *({"overlay": name} for name in OVERLAYS)])),
        "channels": 4,
        "norm": "batch",
        "padding_mode": draw(st.sampled_from(["reflect", "zeros"])),
        "backbone::channels": [4] * stages,
        "backbone::strides": [per_axis(draw, dims, 1, highest) for _ in range(stages)],
        "backbone::blocks": [1] * (stages + draw(st.sampled_from([0] * 19 + [1]))),
        "neck::levels": levels,
        "anchor_sizes": [draw(st.lists(st.sampled_from([4, 9.5]), min_size=1, max_size=most)) for _ in range(count)],
        "patch_size": per_axis(draw, dims, 1, 30),
        "window_size": per_axis(draw, dims, 20, 40),
        "margin": per_axis(draw, dims, 0, 9),
    }
    wrong = {
        "strides": [draw(st.sampled_from([1, 2, 4])) for _ in range(len(levels))],
        "coarsest_stride": draw(st.integers(1, 12)),
        "in_channels": 2,
        "backbone::in_channels": 2,
        "backbone::spatial_dims": 5 - dims,
        "heads::anchor::generator::ratios": [1, [1, 2, 1][:dims]],
        "heads::point::generator::strides": [2] * len(levels),
        "heads::point::head::num_levels": 2,
        "heads::anchor::head::priors_per_cell": 2,
        "heads::point::head::in_channels": 3,
    }
    chosen = draw(st.lists(st.sampled_from(sorted(wrong)), max_size=1)) if draw(st.booleans()) else []
    return values | {name: wrong[name] for name in chosen}


def check_maps(get, size):
    """The real maps of an image are those that priors are laid for, centered where the image is."""
    dims = get("spatial_dims")
    output = dense(get, size)
    generator = get("dense_criterion").generator
    priors = generator(output.feature_sizes)
    logits, deltas = output.flatten()
    assert len(priors) == logits.shape[1] == deltas.shape[1]
    for level, cells in enumerate(output.feature_sizes):
        own = priors[priors.levels == level]
        for axis in range(dims):
            stride = own.strides[0, axis].item()
            first, last = own.centers[:, axis].min().item(), own.centers[:, axis].max().item()
            assert first == stride / 2 and size[axis] - stride / 2 <= last < size[axis] + stride / 2, "cells end where the image ends"
            assert cells[axis] == ceil(size[axis] / stride)


def check_planted(get, size):
    """A box that is written into maps of the network's real size through assigner and coder is read back."""
    dims, generator = len(size), get("dense_criterion").generator
    box = torch.tensor([[n * 0.25 for n in size] + [n * 0.75 for n in size]])
    sizes = dense(get, size).feature_sizes
    priors, coder = generator(sizes), DeltaCoder()
    positive = ATSSAssigner(9)(priors, Target(box, torch.tensor([0]), torch.tensor([False]))).positive.nonzero()[:, 0]
    assert len(positive)
    logits, deltas = torch.full((1, len(priors), 1), -12.0), torch.zeros(1, len(priors), 2 * dims)
    logits[0, positive] = 12.0
    deltas[0, positive] = coder.encode(priors[positive], box.expand(len(positive), -1))
    maps = [unflatten(part, sizes, generator.priors_per_cell) for part in (logits, deltas)]
    (found,) = Postprocessor(generator, coder, NMS(0.2))(DenseOutput(*maps, 1, image_size=tuple(size)), size)
    torch.testing.assert_close(found.boxes, box, atol=1e-3, rtol=1e-4)


def check_step(get, size):
    """What has passed the check can be trained on, and validated."""
    dims = len(size)
    images = torch.zeros(2, get("in_channels"), *size)
    box = torch.tensor([[n * 0.25 for n in size] + [n * 0.75 for n in size]])
    nothing = Target(torch.zeros(0, 2 * dims), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool))
    targets = [Target(box, torch.tensor([0]), torch.tensor([False])), nothing]
    output = get("network_def").eval()(images)
    assert all(torch.isfinite(loss) for loss in get("criterion")(output, targets, torch.Generator().manual_seed(0)).values())
    assert len(get("postprocessor")(output, size)) == 2


def dense(get, size):
    """The maps of an image, by the real network."""
    return dense_stage(get("network_def")).eval()(torch.zeros(1, get("in_channels"), *size))


def check_windows(get, image_size):
    """Every prior of an image votes in exactly one window, and the network's real maps of a window are as its priors are laid."""
    inferer, generator = get("validate::inferer"), get("dense_criterion").generator
    windows, extent = inferer.plan(image_size)
    output = dense(get, extent)
    ids, centers = [], []
    for window in windows:
        priors, positions = place_in_window(generator, output.feature_sizes, window)
        own = generator(output.feature_sizes)[positions]
        torch.testing.assert_close(own.centers + torch.tensor(window.origin), priors.centers)
        ids.append(priors.ids)
        centers.append(priors.centers)
    grid = image_grid(generator, image_size)
    order = torch.cat(ids).argsort()
    assert torch.equal(torch.cat(ids)[order], torch.arange(len(grid)))
    torch.testing.assert_close(torch.cat(centers)[order], generator(grid.feature_sizes).centers)


SEEN = {"refused": 0, "right": 0}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(values=geometries(), image=st.lists(st.integers(1, 50), min_size=3, max_size=3))
def check_any_geometry(values, image):
    try:
        get = build(values)
    except DataError as error:
        SEEN["refused"] += 1
        assert len(re.findall(r"\d+", str(error))) >= 2, f"both numbers: {error}"
        return
    SEEN["right"] += 1
    dims = values["spatial_dims"]
    patch = values["patch_size"]
    size = patch if isinstance(patch, list) else [patch] * dims
    with torch.no_grad():
        check_step(get, size)
        check_maps(get, size)
        check_planted(get, size)
        check_windows(get, image[:dims])


def test_any_geometry_is_refused_or_right():
    check_any_geometry()
    assert min(SEEN.values()) >= 30, SEEN


WRONG = {
    "strides typed beside those of the network": (
        {"strides": [2, 4], "backbone::strides": [1, 2, 2]},
        r"\[2, 4\].*\(1, 1, 1\), \(2, 2, 2\)",
    ),
    "levels": ({"neck::levels": [0, 3]}, r"levels \[0, 3\] of 3 maps"),
    "anchors": ({"neck::levels": [1], "head": "anchor"}, "2 lists of anchor sizes for 1 levels"),
    "anchors per cell": ({"anchor_sizes": [[5], [8, 11]], "head": "anchor"}, "1, 2 anchors per cell"),
    "channels of the image": ({"backbone::in_channels": 2}, "cannot take 3D images of 1 channels"),
    "axes of anchors": ({"anchor_sizes": [[[5, 5]], [[11, 11]]], "head": "anchor"}, "2 values for 3 axes"),
    "axes": ({"patch_size": [24, 24]}, "2 values for 3 axes"),
    "windows": ({"coarsest_stride": 6}, r"aligned to \(6, 6, 6\) voxels, and cells of priors to \(4, 4, 4\)"),
    "margins": ({"window_size": 30}, r"window of \(30, 30, 30\) has no core between margins of \(16, 16, 16\)"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_does_not_fit_is_refused_with_both_numbers(kind):
    values, told = WRONG[kind]
    with pytest.raises(DataError, match=told):
        build(values)


@pytest.mark.parametrize("strides", list(product([1, 2], repeat=2)))
def test_strides_of_the_backbone_alone_move_everything_that_depends_on_them(strides):
    get = build({"backbone::strides": [*strides, 2]})
    fine, coarse = strides[0], strides[0] * strides[1]
    assert get("strides") == ((fine,) * 3, (coarse,) * 3) and get("coarsest_stride") == (2 * coarse,) * 3
    assert list(get("dense_criterion").generator.strides) == list(get("strides"))
    assert get("validate::inferer").stride == (2 * coarse,) * 3
