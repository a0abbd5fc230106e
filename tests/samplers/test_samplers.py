"""The contract of all samplers, and what is particular to each."""

import pytest
import torch

from medtk_monai.samplers import AllSampler, HardNegativeSampler
from medtk_monai.structures import IGNORED, NEGATIVE, Assignment

SAMPLERS = [AllSampler(), HardNegativeSampler(), HardNegativeSampler(2, 1, 1)]


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


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match="pool_factor"):
        HardNegativeSampler(pool_factor=0.5)
