"""Intensity transforms: one contract for all, and each against an independent computation."""

import numpy as np
import pytest
import torch
from monai.transforms import Compose
from scipy.ndimage import gaussian_filter

from medtk_monai.transforms import intensity
from medtk_monai.transforms.intensity import (
    BiasField,
    Blur,
    Brightness,
    Contrast,
    Cutout,
    Gamma,
    LowResolution,
    Noise,
    RandIntensityd,
)

ALL = [BiasField, Blur, Brightness, Contrast, Cutout, Gamma, LowResolution, Noise]


def batch(dims, number=5):
    return torch.randn(number, 2, *(12, 9, 10)[:dims], generator=torch.Generator().manual_seed(0))


def draws(transform, number=5, seed=0):
    random = np.random.RandomState(seed)
    return [transform.draw(random) for _ in range(number)]


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("dims", [2, 3])
def test_contract(kind, dims):
    images, transform = batch(dims), kind(prob=0.6)
    before, given = images.clone(), draws(transform)
    assert 0 < sum(draw is None for draw in given) < 5
    changed = transform.apply(images, given)
    assert torch.equal(images, before) and changed.dtype == images.dtype and changed.isfinite().all()
    for image, result, draw in zip(images, changed, given):
        assert torch.equal(image, result) == (draw is None)
    # The same sample in any batch, and drawn again.
    order = [3, 0, 4]
    assert torch.equal(transform.apply(images[order], [given[i] for i in order]), changed[order])
    assert torch.equal(transform.apply(images, draws(transform)), changed)


@pytest.mark.parametrize("kind", ALL)
def test_threads_change_nothing(kind):
    """In images so large that threads share them, and of an odd size."""
    images, before = torch.randn(6, 1, 33, 33, 31, generator=torch.Generator().manual_seed(0)), torch.get_num_threads()
    given, found = draws(kind(prob=1.0), 6), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(kind(prob=1.0).apply(images, given))
        found.append(torch.cat([kind(prob=1.0).apply(image[None], [draw]) for image, draw in zip(images, given)]))
    torch.set_num_threads(before)
    assert all(torch.equal(other, found[0]) for other in found)


@pytest.mark.parametrize("kind", ALL)
def test_never_and_always(kind):
    images = batch(3)
    assert torch.equal(kind(prob=0.0).apply(images, draws(kind(prob=0.0))), images)
    assert all(draw is not None for draw in draws(kind(prob=1.0)))


@pytest.mark.parametrize("kind", ALL)
def test_as_a_dictionary_transform(kind):
    item = {"image": batch(3)[0], "case_id": "one"}
    transform = Compose([RandIntensityd(kind(prob=1.0))])
    first, second = (transform.set_random_state(seed=4)(item) for _ in range(2))
    assert torch.equal(first["image"], second["image"]) and first["case_id"] == "one"
    assert not torch.equal(first["image"], item["image"]) and torch.equal(item["image"], batch(3)[0])


@pytest.mark.parametrize("dims", [2, 3])
def test_blur_is_that_of_scipy(dims):
    images = batch(dims)
    changed = Blur((0.5, 1.2)).apply(images, [(0.7,), None, (1.2,), None, None])
    for row, sigma in ((0, 0.7), (2, 1.2)):
        for channel in range(2):
            expected = gaussian_filter(images[row, channel].double().numpy(), sigma, mode="mirror", radius=int(3 * sigma))
            np.testing.assert_allclose(changed[row, channel].numpy(), expected, atol=1e-5)


def test_noise_has_its_strength_and_is_new_for_each_sample():
    images = torch.zeros(4, 1, 40, 40, 40)
    changed = Noise((0.3, 0.3), prob=1.0).apply(images, draws(Noise((0.3, 0.3), prob=1.0), 4))
    assert changed.std() == pytest.approx(0.3, rel=0.01) and changed.mean().abs() < 0.003
    assert np.abs(np.corrcoef(changed.flatten(1).numpy()) - np.eye(4)).max() < 0.02


def test_gamma_brightness_and_contrast_by_hand():
    images = torch.tensor([[[[1.0, 2.0], [3.0, 5.0]]]])
    np.testing.assert_allclose(Gamma().apply(images, [(2.0,)])[0, 0], [[1, 1.25], [2, 5]], atol=1e-6)
    assert Brightness().apply(images, [(0.5,)]).flatten().tolist() == [1.5, 2.5, 3.5, 5.5]
    assert Contrast().apply(images, [(2.0,)]).flatten().tolist() == [2, 4, 6, 10]
    assert torch.equal(Gamma().apply(torch.ones(1, 1, 3, 3), [(0.7,)]), torch.ones(1, 1, 3, 3))


def test_low_resolution_averages_and_keeps_ramps():
    images = torch.arange(12.0).repeat(8, 1)[None, None]
    coarse = LowResolution().apply(images, [(2.0,)])
    np.testing.assert_allclose(coarse[0, 0, 3, 1:-1], np.arange(1, 11), atol=1e-5)
    checkered = (torch.arange(12) % 2).float().repeat(8, 1)[None, None]
    np.testing.assert_allclose(LowResolution().apply(checkered, [(2.0,)]), 0.5, atol=1e-6)
    assert torch.equal(LowResolution().apply(checkered, [(1.0,)]), checkered)


@pytest.mark.parametrize("dims", [2, 3])
def test_bias_fields_are_smooth_and_as_strong_as_said(dims):
    images = torch.ones(1, 1, *(40,) * dims)
    images[(0, 0, *(0,) * dims)] = 0  # the minimum, which stays
    transform, logs = BiasField((0.2, 0.2), prob=1.0), []
    for seed in range(30):
        changed = transform.apply(images, draws(transform, 1, seed))[0, 0]
        assert changed[(0,) * dims] == 0
        logs.append(changed[(slice(1, None),) * dims].log())
        assert logs[-1].diff(dim=0).abs().max() < 0.15
    assert torch.stack([log[(0,) * dims] for log in logs]).std() == pytest.approx(0.2, rel=0.3)


def test_cutout_overwrites_blocks_of_its_sizes():
    images = torch.ones(1, 2, 20, 20)
    for seed in range(20):
        transform = Cutout(1, (0.2, 0.4), fill=7.0, prob=1.0)
        found = (transform.apply(images, draws(transform, 1, seed))[0, 0] == 7).nonzero()
        sides = found.amax(dim=0) - found.amin(dim=0) + 1
        assert ((sides >= 4) & (sides <= 8)).all() and sides.prod() == len(found)


def test_wrong_arguments_are_named():
    for kind, wrong in ((Noise, {"prob": 2}), (Blur, {"sigma": (2.0, 1.0)}), (Gamma, {"gamma": (0, 1)}), (Cutout, {"count": 0})):
        with pytest.raises(ValueError, match=kind.__name__):
            kind(**wrong)
    for kind, wrong in ((LowResolution, {"factor": (0.5, 1)}), (BiasField, {"points": 1}), (Blur, {"sigma": (0, 1)})):
        with pytest.raises(ValueError, match=kind.__name__):
            kind(**wrong)


def test_whole_numbers_are_refused():
    with pytest.raises(TypeError, match="int16"):
        Contrast(prob=1.0).apply(torch.zeros(1, 1, 4, 4, dtype=torch.int16), [(1.2,)])


def test_all_transforms_are_tested():
    kinds = {value for value in vars(intensity).values() if hasattr(value, "draw") and value is not intensity.IntensityTransform}
    assert kinds == set(ALL)
