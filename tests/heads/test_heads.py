"""The contract of all dense heads."""

import pytest
import torch

from medtk_monai.heads import AnchorHead, PointHead


def heads(dims):
    return [AnchorHead(dims, 8, num_classes=3, priors_per_cell=2), PointHead(dims, 8, num_classes=3, num_levels=2)]


@pytest.fixture(params=[(dims, kind) for dims in (2, 3) for kind in range(2)], ids=str)
def case(request):
    dims, kind = request.param
    maps = [torch.rand(2, 8, *(n,) * dims, generator=torch.Generator().manual_seed(0)) for n in (4, 2)]
    return dims, heads(dims)[kind], (2, 1)[kind], maps


def test_maps_flatten_to_one_row_per_prior(case):
    dims, head, per_cell, maps = case
    logits, deltas = head(maps).flatten()
    assert logits.shape == (2, (4**dims + 2**dims) * per_cell, 3)
    assert deltas.shape == (*logits.shape[:2], 2 * dims)


def test_a_fresh_head_calls_everything_background(case):
    *_, head, _, maps = case
    assert head(maps).flatten()[0].sigmoid().mean().item() == pytest.approx(0.01, rel=0.3)


def test_training_and_evaluation_return_the_same(case):
    *_, head, _, maps = case
    torch.testing.assert_close(head.train()(maps).flatten()[1], head.eval()(maps).flatten()[1])


def test_every_weight_gets_a_gradient(case):
    *_, head, _, maps = case
    sum(part.sum() for part in head(maps).flatten()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in head.parameters())
