"""Seeds and orders that depend on the seed and the epoch only."""

from monai.transforms import Compose, RandGaussianNoised, RandScaleIntensityd

from medtk_monai.data.seeding import EpochSampler, find_randomizables, sample_seeds
from medtk_monai.transforms import RandWarpBoxesd


def test_sample_seeds_do_not_clash():
    seeds = {tuple(sample_seeds(seed, epoch, sample, 2)) for seed in range(5) for epoch in range(20) for sample in range(50)}
    assert len(seeds) == 5000
    assert all(0 <= part < 2**32 for pair in seeds for part in pair)


def test_sampler_permutes_each_epoch():
    sampler = EpochSampler(20, seed=1)
    epochs = []
    for epoch in (0, 1, 5):
        sampler.set_epoch(epoch)
        numbers = list(sampler)
        assert sorted(numbers) == list(range(epoch * 20, epoch * 20 + 20))
        epochs.append([number % 20 for number in numbers])
        resumed = EpochSampler(20, seed=1, epoch=epoch)
        assert list(resumed) == numbers
    assert len({str(order) for order in epochs}) == 3
    assert list(EpochSampler(20, seed=2)) != list(EpochSampler(20, seed=1))


def test_sampler_without_shuffling():
    sampler = EpochSampler(3, shuffle=False)
    sampler.set_epoch(2)
    assert list(sampler) == [6, 7, 8]
    assert len(sampler) == 3


def test_sampler_reads_the_epoch_when_iteration_begins():
    sampler = EpochSampler(4, shuffle=False)
    iterator = iter(sampler)
    sampler.set_epoch(1)
    assert list(iterator) == [4, 5, 6, 7]


def test_nested_random_parts_are_found():
    intensity = Compose([RandGaussianNoised("image", prob=0.5), RandScaleIntensityd("image", 0.2, prob=0.5)])
    kinds = [type(part).__name__ for part in find_randomizables(Compose([RandWarpBoxesd(8), intensity]))]
    expected = [
        "Compose",
        "RandWarpBoxesd",
        "Compose",
        "RandGaussianNoised",
        "RandGaussianNoise",
        "RandScaleIntensityd",
        "RandScaleIntensity",
    ]
    assert kinds == expected
