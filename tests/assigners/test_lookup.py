"""What is read off the grid must be what a comparison with all priors finds."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medtk_monai.anchors import AnchorGenerator
from medtk_monai.assigners import lookup as lookups
from medtk_monai.assigners.candidates import overlapping_candidates
from medtk_monai.assigners.claims import rank_in_object
from medtk_monai.assigners.lookup import nearest_priors, priors_inside, priors_overlapping
from medtk_monai.box_ops import pairwise_iou
from medtk_monai.structures import Target


@pytest.fixture(autouse=True, scope="module")
def always_by_the_grid():
    few, lookups.FEW = lookups.FEW, -1
    yield
    lookups.FEW = few


def grid(dims, strides):
    sizes = [[[5.0] * dims, [3.0 + axis for axis in range(dims)]], [[9.0] * dims]]
    return AnchorGenerator(strides, sizes)([(7, 5, 6)[:dims], (3, 1, 4)[:dims]])


def boxes(dims, number, seed):
    generator = torch.Generator().manual_seed(seed)
    lower = torch.rand(number, dims, generator=generator) * 40 - 10
    return torch.cat([lower, lower + 0.3 + 12 * torch.rand(number, dims, generator=generator) ** 2], dim=1)


def listed(pairs):
    return sorted(zip(pairs.objects.tolist(), pairs.priors.tolist()))


STRIDES = {2: [(2, 3), (4, 8)], 3: [(2, 2, 1), (4, 8, 2)]}


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([2, 3]), st.integers(0, 6), st.integers(0, 10**6))
def test_inside_and_overlapping_agree_with_comparing_all(dims, number, seed):
    priors, found = grid(dims, STRIDES[dims]), boxes(dims, number, seed)
    everything = priors[torch.arange(len(priors))]
    assert everything.grid is None
    for lookup in (priors_inside, priors_overlapping):
        assert listed(lookup(priors, found)) == listed(lookup(everything, found))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([2, 3]), st.integers(0, 6), st.floats(0.01, 1.0), st.integers(0, 10**6))
def test_no_prior_with_enough_overlap_is_missed(dims, number, min_iou, seed):
    priors, found = grid(dims, STRIDES[dims]), boxes(dims, number, seed)
    if number:
        found[0] = priors.boxes[seed % len(priors)]  # of IoU 1
    target = Target(found, torch.zeros(number, dtype=torch.int64), torch.zeros(number, dtype=torch.bool))
    iou = pairwise_iou(found, priors.boxes)
    expected = {tuple(pair) for pair in (iou >= min_iou).nonzero().tolist()}
    assert expected <= set(listed(priors_overlapping(priors, found, min_iou)))
    pairs, overlap = overlapping_candidates(priors, target, min_iou, 3)
    torch.testing.assert_close(overlap, iou[pairs.objects, pairs.priors])
    for index in range(number):
        mine = set(pairs.priors[pairs.objects == index].tolist())
        enough = (iou[index] >= min_iou).sum() >= 3
        assert mine == set((iou[index] >= min_iou if enough else iou[index] > 0).nonzero()[:, 0].tolist())


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([2, 3]), st.integers(0, 6), st.integers(1, 40), st.integers(0, 10**6))
def test_nearest_agree_with_comparing_all(dims, number, count, seed):
    """Indices may differ where two priors are equally far; distances may not."""
    priors = grid(dims, STRIDES[dims])
    centers = torch.rand(number, dims, generator=torch.Generator().manual_seed(seed)) * 40 - 10
    scale = torch.tensor([0.7, 2.0, 1.0][:dims])
    near, distances = nearest_priors(priors, centers, count, scale)
    _, expected = nearest_priors(priors[torch.arange(len(priors))], centers, count, scale)
    torch.testing.assert_close(distances, expected, atol=1e-4, rtol=1e-4)
    middle = (priors.boxes[:, :dims] + priors.boxes[:, dims:]) / 2
    torch.testing.assert_close(((middle[near] - centers[:, None]) * scale).norm(dim=-1), distances, atol=1e-4, rtol=1e-4)
    assert all(len(set(row.tolist())) == len(row) for row in near)


def test_nearest_takes_all_priors_of_a_cell_and_no_more_cells_than_there_are():
    priors = grid(2, STRIDES[2])
    near, _ = nearest_priors(priors, torch.tensor([[7.0, 7.5]]), 100)
    assert sorted(near[0].tolist()) == list(range(len(priors)))
    near, _ = nearest_priors(priors, torch.tensor([[7.0, 7.5]]), 1)
    assert near.tolist() == [[34, 35, 71]]  # cell (3, 2) of 7 x 5 with two priors, then cell (1, 0) with one


@pytest.mark.parametrize("seed", range(5))
def test_rank_in_object(seed):
    generator = torch.Generator().manual_seed(seed)
    objects = torch.randint(0, 4, (30,), generator=generator)
    quality = torch.randint(0, 5, (30,), generator=generator).float()
    ranks = rank_in_object(objects, quality)
    for index in range(4):
        mine = (objects == index).nonzero()[:, 0].tolist()
        assert [ranks[i].item() for i in sorted(mine, key=lambda i: -quality[i])] == list(range(len(mine)))
    assert len(rank_in_object(objects[:0], quality[:0])) == 0
