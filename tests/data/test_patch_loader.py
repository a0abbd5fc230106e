"""A sample of a PatchLoader is a function of (seed, epoch, number), and errors reach the loop."""

import threading

import pytest
import torch
from monai.transforms import Compose, RandGaussianNoised, RandScaleIntensityd, Transform

from medtk_monai.data import PatchLoader, Ramp, Workers
from medtk_monai.errors import DataError
from medtk_monai.structures import Target
from medtk_monai.transforms import Blur, Gamma, LowResolution, Noise, PatchSampling, RandWarpBoxesd, WarpRanges

CASES = 5
RANGES = WarpRanges(rotation=20, scale=1.2, elastic=1.0, elastic_spacing=8, flip_prob=0.5)


def dataset():
    generator = torch.Generator().manual_seed(0)
    boxes = [torch.tensor([[2.0, 3, 4, 6, 8, 9], [9, 9, 5, 12, 14, 9]])[: number % 3] for number in range(CASES)]
    targets = [Target(box, torch.zeros(len(box), dtype=torch.int64), torch.zeros(len(box), dtype=torch.bool)) for box in boxes]
    images = [torch.rand(1, 16, 20, 14, generator=generator) for _ in range(CASES)]
    return [{"image": i, "target": t, "case_id": str(n)} for n, (i, t) in enumerate(zip(images, targets))]


def loader(seed=7, patches=None, items=None, batch_size=4, **options):
    patches = patches or RandWarpBoxesd(PatchSampling((8, 8, 8), overhang=3), RANGES)
    intensities = [Noise(prob=0.5), Blur(prob=0.5), Gamma(prob=0.5), LowResolution(prob=0.5)]
    return PatchLoader(items or dataset(), patches, intensities, batch_size, seed, **{"samples_per_case": 4, **options})


def samples(given, epoch=0):
    """What each sample of an epoch is, in the loader's order."""
    given.set_epoch(epoch)
    found = []
    for batch in given:
        found += [
            (case, image.numpy().tobytes(), target.boxes.numpy().tobytes())
            for case, image, target in zip(batch["case_id"], batch["image"], batch["target"])
        ]
    return found


def test_samples_depend_on_neither_threads_nor_batches_nor_history():
    wanted = samples(loader(workers=Workers(threads=0)), epoch=2)
    assert len(set(wanted)) == 4 * CASES
    for workers, batch_size in ((1, 4), (4, 4), (0, 1), (2, 3), (1, 64)):
        used = loader(workers=Workers(threads=workers), batch_size=batch_size)
        if workers < 2:
            samples(used, epoch=0)
        assert samples(used, epoch=2) == wanted
    assert samples(loader(), epoch=1) != wanted and samples(loader(seed=8), epoch=2) != wanted


def test_an_epoch_goes_on_within_itself_as_if_it_had_begun_there():
    whole = samples(loader(batch_size=3), epoch=1)
    for done, threads in ((0, 0), (2, 1), (6, 2), (7, 0)):
        used = loader(batch_size=3, workers=Workers(threads=threads))
        used.go_on_within(1, done)
        assert samples(used, epoch=1) == whole[3 * done :] and len(used) == 7
        assert samples(used, epoch=2) == samples(loader(batch_size=3), epoch=2), "the next one is whole"
        assert samples(used, epoch=1) == whole, "and so is this one when it comes again"


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_share_the_samples_of_one(ranks):
    whole = samples(loader(), epoch=1)
    parts = [samples(loader(workers=Workers(rank=rank, ranks=ranks), batch_size=2), epoch=1) for rank in range(ranks)]
    count = len(whole) // ranks
    assert [len(part) for part in parts] == [count] * ranks
    assert [sample for group in zip(*parts) for sample in group] == whole[: count * ranks]


def test_lengths():
    assert len(loader(batch_size=6)) == 4 == len(list(loader(batch_size=6)))
    assert len(loader(batch_size=6, workers=Workers(rank=1, ranks=3))) == 1


def test_the_global_random_state_is_left_alone_and_of_no_effect():
    wanted = samples(loader())
    torch.manual_seed(5)
    before = torch.get_rng_state()
    assert samples(loader()) == wanted and torch.equal(torch.get_rng_state(), before)


def test_other_random_transforms_may_stand_beside():
    patches = Compose([RandWarpBoxesd(8), RandScaleIntensityd("image", 0.2, prob=0.5), RandGaussianNoised("image", prob=0.5)])
    assert samples(loader(patches=patches, workers=Workers(threads=0))) == samples(loader(patches=patches, workers=Workers(threads=3)))


def test_autocast_and_gradients_of_the_loop_are_left_out():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = [samples(loader(workers=Workers(threads=threads))) for threads in (0, 1)]
    assert found[0] == found[1] == samples(loader())


def test_weights_cast_for_the_loop_stay_cast():
    """While threads make batches, a weight used twice in a forward pass is cast once."""
    weight, made = torch.rand(8, 8, requires_grad=True), iter(loader(workers=Workers(threads=2), batch_size=1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        casts = {torch.nn.functional.linear(torch.rand(2, 8), weight).grad_fn.next_functions[1][0].next_functions[0][0] for _ in made}
    assert len(casts) == 1


def test_random_parts_that_cannot_be_found_are_refused():
    warp = RandWarpBoxesd(8)
    with pytest.raises(TypeError, match="function.*Compose"):
        loader(patches=lambda item: warp(item))


class Failing(Transform):
    def __init__(self, error):
        self.error = error

    def __call__(self, item):
        if item["case_id"] == "3":
            raise self.error
        return item | {"image": item["image"][:, :8, :8, :8]}


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("error", [ValueError("odd"), DataError("odd", "", "even it")])
def test_errors_reach_the_loop_with_their_case(workers, error):
    with pytest.raises(DataError, match="case '3'.*odd"):
        list(loader(patches=Failing(error), workers=Workers(threads=workers)))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("patches")]


def test_a_loop_may_stop_early():
    for _ in loader(workers=Workers(threads=3)):
        break
    assert samples(loader(workers=Workers(threads=1))) == samples(loader(workers=Workers(threads=0)))


def test_too_few_samples_for_the_processes_are_told():
    with pytest.raises(DataError, match="5 samples for 6 processes"):
        loader(samples_per_case=1, workers=Workers(ranks=6))


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="batch_size"):
        loader(batch_size=0)
    with pytest.raises(ValueError, match="rank"):
        Workers(rank=2, ranks=2)


def test_strength_grows_with_the_epochs_and_gates_all_changes():
    ramp = Ramp(start=0.25, epochs=4, power=2)
    assert [ramp(epoch) for epoch in range(6)] == pytest.approx([0.25, 0.25 + 0.75 / 16, 0.25 + 0.75 / 4, 0.25 + 0.75 * 9 / 16, 1, 1])
    sampling = PatchSampling((8, 8, 8), overhang=3)
    plain = PatchLoader(dataset(), RandWarpBoxesd(sampling, WarpRanges(flip_prob=0.5)), [], 4, 7, 16)
    for ranges, intensities in ((RANGES, []), (WarpRanges(flip_prob=0.5), [Noise(prob=0.9)])):
        changed = PatchLoader(dataset(), RandWarpBoxesd(sampling, ranges), intensities, 4, 7, 16, strength=Ramp(epochs=2))
        numbers = [sum(a != b for a, b in zip(samples(changed, epoch), samples(plain, epoch))) for epoch in range(3)]
        assert numbers[0] == 0 < numbers[1] < numbers[2], "mirror images stay, the rest comes by and by"


@pytest.mark.parametrize("wrong", [{"start": 1.5}, {"epochs": -1}, {"power": 0}])
def test_impossible_ramps_are_named(wrong):
    with pytest.raises(ValueError, match="Ramp"):
        Ramp(**wrong)
