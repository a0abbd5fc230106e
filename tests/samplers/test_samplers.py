"""The contract of all samplers, and what is particular to each."""

import pytest
import torch

from medtk_monai.samplers import AllSampler, HardNegativeSampler, OHEMSampler, RandomSampler
from medtk_monai.structures import IGNORED, NEGATIVE, Assignment

SAMPLERS = [AllSampler(), HardNegativeSampler(), HardNegativeSampler(2, 1, 1), RandomSampler(20), OHEMSampler(20)]


def assignment(positives, negatives, ignored):
    return Assignment(torch.tensor([0] * positives + [NEGATIVE] * negatives + [IGNORED] * ignored))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
class TestContract:
    @pytest.mark.parametrize("counts", [(3, 50, 20), (0, 50, 20), (3, 0, 0), (0, 0, 5), (2, 1, 0)])
    def test_takes_all_positives_some_negatives_and_nothing_ignored(self, sampler, counts):
        found = assignment(*counts)
        mask = sampler(found, torch.rand(len(found.objects)), torch.Generator().manual_seed(0))
        assert mask[found.positive].all()
        assert not mask[found.objects == IGNORED].any()
        assert mask[found.negative].any() == (counts[1] > 0)

    def test_one_seed_one_choice(self, sampler):
        found, hardness = assignment(3, 200, 0), torch.rand(203)
        first, second = (sampler(found, hardness, torch.Generator().manual_seed(5)) for _ in range(2))
        assert torch.equal(first, second)


def test_hard_negatives_come_from_the_pool_of_the_hardest():
    found, hardness = assignment(2, 100, 0), torch.arange(102).float()
    mask = HardNegativeSampler(3, 1, 5)(found, hardness, torch.Generator().manual_seed(0))
    drawn = mask.nonzero()[2:, 0]
    assert len(drawn) == 6 and drawn.min() >= 102 - 30
    assert HardNegativeSampler(3, 1, 1)(found, hardness).nonzero()[2:, 0].tolist() == list(range(96, 102))


@pytest.mark.parametrize("kind", [RandomSampler, OHEMSampler])
def test_quota_of_positives_is_kept_and_negatives_fill_up(kind):
    found = assignment(30, 100, 10)
    mask = kind(40, 0.25)(found, torch.rand(140))
    assert (mask & found.positive).sum() == 10 and mask.sum() == 40
    assert kind(40, 0.25)(assignment(2, 100, 0), torch.rand(102)).sum() == 40


def test_random_sampler_draws_every_negative_equally_often():
    found, generator = assignment(0, 10, 0), torch.Generator().manual_seed(0)
    counts = sum(RandomSampler(5)(found, torch.arange(10.0), generator).long() for _ in range(2000))
    assert (counts - 1000).abs().max() < 120  # 5 standard deviations


def test_ohem_takes_the_hardest_of_both():
    found, hardness = assignment(4, 6, 0), torch.tensor([3.0, 1, 4, 2, 9, 5, 7, 6, 0, 8])
    assert OHEMSampler(4, 0.5)(found, hardness).nonzero()[:, 0].tolist() == [0, 2, 4, 9]


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match="pool_factor"):
        HardNegativeSampler(pool_factor=0.5)
    with pytest.raises(ValueError, match="positive_fraction"):
        RandomSampler(10, 1.5)
    with pytest.raises(ValueError, match="num_samples"):
        OHEMSampler(0)
