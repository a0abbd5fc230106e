"""A sample is a function of (seed, epoch, sample) and of nothing else; errors reach the caller."""

import ignite.engine
import pytest
import torch
from monai.data import CacheDataset, Dataset
from monai.transforms import Compose, RandGaussianNoised, RandScaleIntensityd, Transform
from torch.utils.data import DataLoader

from medtk_monai.data import EpochSampler, SeededDataset, collate_cases
from medtk_monai.data.datasets import find_randomizables, sample_seeds
from medtk_monai.errors import DataError, find_data_error
from medtk_monai.structures import Target
from medtk_monai.transforms import RandCropBoxesd, RandFlipBoxesd, RandSwapAxesBoxesd

CASES = 5


def cases():
    generator = torch.Generator().manual_seed(0)
    boxes = [torch.tensor([[2.0, 3, 6, 8], [9, 9, 12, 14]])[: number % 3] for number in range(CASES)]
    targets = [Target(box, torch.zeros(len(box), dtype=torch.int64), torch.zeros(len(box), dtype=torch.bool)) for box in boxes]
    images = [torch.rand(1, 16, 20, generator=generator) for _ in range(CASES)]
    affine = torch.eye(3, dtype=torch.float64)
    return [{"image": i, "target": t, "affine": affine, "case_id": str(n)} for n, (i, t) in enumerate(zip(images, targets))]


def random_transform():
    crop = RandCropBoxesd(8, overhang=3)
    intensity = Compose([RandGaussianNoised("image", prob=0.5), RandScaleIntensityd("image", 0.2, prob=0.5)])
    return Compose([crop, RandFlipBoxesd(0.5, (0, 1)), RandSwapAxesBoxesd(0.5), intensity])


def dataset(seed=7, items=None, **options):
    return SeededDataset(
        CacheDataset(items or cases(), copy_cache=False, progress=False, num_workers=0), random_transform(), seed, **options
    )


def fingerprint(item):
    return item["case_id"], item["image"].numpy().tobytes(), item["target"].boxes.numpy().tobytes()


def all_samples(seeded, workers, order, epoch=0, batch_size=1):
    """Sample number -> fingerprint, drawn by a loader in some order."""
    numbers = [epoch * len(seeded) + sample for sample in order]
    loader = DataLoader(seeded, batch_size=batch_size, sampler=numbers, num_workers=workers, collate_fn=list)
    return dict(zip(order, [fingerprint(item) for batch in loader for item in batch]))


@pytest.mark.parametrize("samples_per_case", [1, 2])
def test_samples_depend_on_neither_workers_nor_order_nor_history(samples_per_case):
    count = CASES * samples_per_case
    wanted = all_samples(dataset(samples_per_case=samples_per_case), 0, range(count), epoch=3)
    assert len(set(wanted.values())) == count
    seeded = dataset(samples_per_case=samples_per_case)
    for epoch in range(2):
        all_samples(seeded, 0, range(count), epoch)
    assert all_samples(seeded, 0, range(count)[::-1], epoch=3) == wanted
    assert all_samples(seeded, 2, [*range(1, count), 0], epoch=3, batch_size=2) == wanted


def test_samples_differ_between_epochs_and_seeds():
    draws = [all_samples(dataset(seed), 0, range(CASES), epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len({str(draw) for draw in draws}) == 4


def test_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    wanted = fingerprint(dataset()[2])
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(123)
    assert fingerprint(dataset()[2]) == wanted


def test_sample_seeds_do_not_clash():
    seeds = {tuple(sample_seeds(seed, epoch, sample, 2)) for seed in range(5) for epoch in range(20) for sample in range(50)}
    assert len(seeds) == 5000
    assert all(0 <= part < 2**32 for pair in seeds for part in pair)


def test_cached_items_are_never_written_to():
    items = cases()
    copies = cases()
    seeded = dataset(items=items)
    for index in range(8 * len(seeded)):
        drawn = seeded[index]
        drawn["image"].zero_()
        drawn["target"].boxes.zero_()
        drawn["affine"].zero_()
    for cached, copy in zip(seeded.dataset, copies):
        assert set(cached) == set(copy)
        assert torch.equal(cached["image"], copy["image"])
        assert torch.equal(cached["target"].boxes, copy["target"].boxes)
        assert torch.equal(cached["affine"], copy["affine"])


def test_samples_per_case_go_through_all_cases():
    seeded = dataset(samples_per_case=3)
    assert len(seeded) == 3 * CASES
    assert [item["case_id"] for item in seeded] == [str(number) for number in range(CASES)] * 3
    assert seeded[len(seeded) + 1]["case_id"] == "1"


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="samples_per_case"):
        dataset(samples_per_case=0)
    with pytest.raises(IndexError):
        dataset()[-1]


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
    sampler = EpochSampler([0] * 3, shuffle=False)
    sampler.set_epoch(2)
    assert list(sampler) == [6, 7, 8]
    assert len(sampler) == 3


def test_sampler_reads_the_epoch_when_iteration_begins():
    sampler = EpochSampler(4, shuffle=False)
    iterator = iter(sampler)
    sampler.set_epoch(1)
    assert list(iterator) == [4, 5, 6, 7]


@pytest.mark.parametrize("workers", [0, 2])
def test_sampler_follows_an_ignite_engine(workers):
    seeded = dataset()
    sampler = EpochSampler(seeded, seed=3)
    loader = DataLoader(
        seeded, batch_size=1, sampler=sampler, num_workers=workers, collate_fn=collate_cases, persistent_workers=workers > 0
    )
    seen = []
    engine = ignite.engine.Engine(lambda _, batch: seen.append(batch["image"].numpy().tobytes()))
    engine.add_event_handler(ignite.engine.Events.EPOCH_STARTED, lambda engine: sampler.set_epoch(engine.state.epoch - 1))
    engine.run(loader, max_epochs=3, epoch_length=len(loader))
    del engine, loader  # workers that wait for the garbage collector take 10 s to go
    wanted = [seeded[number]["image"].numpy().tobytes() for epoch in range(3) for number in EpochSampler(CASES, 3, epoch=epoch)]
    assert seen == wanted


class Failing(Transform):
    """Fails for one case as LoadCased would."""

    def __call__(self, data):
        if data["case_id"] == "3":
            raise DataError("cannot read image", "3", "copy it again")
        return data


@pytest.mark.parametrize("options", [{"num_workers": 2}, {"num_workers": 0}])
def test_errors_while_the_cache_is_filled_reach_the_caller(options):
    with pytest.raises(Exception) as info:  # noqa: B017, PT011
        CacheDataset(cases(), Compose([Failing()]), progress=False, **options)
    assert find_data_error(info.value).case == "3"


@pytest.mark.parametrize("runtime_cache", ["threads", "processes"])
@pytest.mark.parametrize("workers", [0, 2])
def test_errors_of_a_cache_filled_later_reach_the_caller(runtime_cache, workers):
    cache = CacheDataset(cases(), Compose([Failing()]), progress=False, runtime_cache=runtime_cache)
    batches = iter(DataLoader(SeededDataset(cache, random_transform(), 0), batch_size=None, num_workers=workers))
    with pytest.raises(DataError) as info:
        list(batches)
    assert "case '3': cannot read image -- copy it again" in str(info.value)
    if workers:
        batches._shutdown_workers()  # workers that wait for the garbage collector take 10 s to go


def test_errors_keep_their_cause_and_others_their_type():
    with pytest.raises(DataError) as info:
        SeededDataset(Dataset(cases(), Compose([Failing()])), random_transform(), 0)[3]
    assert isinstance(info.value.__cause__, RuntimeError)
    with pytest.raises(KeyError):
        SeededDataset([{}], RandFlipBoxesd(1.0, (0,)), 0)[0]


def test_nested_random_parts_are_found():
    kinds = [type(part).__name__ for part in find_randomizables(random_transform())]
    expected = ["Compose", "RandCropBoxesd", "RandFlipBoxesd", "RandSwapAxesBoxesd", "Compose"]
    expected += ["RandGaussianNoised", "RandGaussianNoise", "RandScaleIntensityd", "RandScaleIntensity"]
    assert kinds == expected
