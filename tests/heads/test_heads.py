"""The contract of all dense heads."""

import pytest
import torch

from medtk_monai.heads import AnchorHead, CombinedHead, PointHead, SegmentedHead


def heads(dims):
    anchor = AnchorHead(dims, 8, num_classes=3, priors_per_cell=2)
    return [
        (anchor, 2),
        (PointHead(dims, 8, num_classes=3, num_levels=2), 1),
        (PointHead(dims, 8, num_classes=3, num_levels=2, quality=True), 1),
        (CombinedHead(dims, 8, num_classes=3, anchors_per_cell=2, num_levels=2), 3),
        (SegmentedHead(anchor, dims, 8, num_classes=3), 2),
    ]


@pytest.fixture(params=[(dims, kind) for dims in (2, 3) for kind in range(5)], ids=str)
def case(request):
    dims, kind = request.param
    maps = [torch.rand(2, 8, *(n,) * dims, generator=torch.Generator().manual_seed(0)) for n in (4, 2)]
    return dims, *heads(dims)[kind], maps


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
    output = head(maps)
    parts = [*output.flatten(), output.flat_quality(), output.segmentation]
    sum(part.sum() for part in parts if part is not None).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in head.parameters())


def test_branches_have_a_row_per_prior_and_a_map_on_the_finest_level():
    maps = [torch.rand(2, 8, n, n) for n in (4, 2)]
    (anchor, _), _, (rated, _), _, (segmented, _) = heads(2)
    assert rated(maps).flat_quality().shape == (2, 4**2 + 2**2)
    assert segmented(maps).segmentation.shape == (2, 4, 4, 4)
    assert anchor(maps).flat_quality() is None and anchor(maps).segmentation is None


def test_a_combined_head_lays_out_the_anchors_of_a_cell_before_its_point():
    """A fresh head's points have deltas near 1, its anchors near 0."""
    deltas = CombinedHead(2, 8, 3, anchors_per_cell=2, num_levels=1)([torch.rand(1, 8, 4, 4)]).flatten()[1]
    mean = deltas.reshape(16, 3, 4).mean(dim=(0, 2))
    torch.testing.assert_close(mean, torch.tensor([0.0, 0, 1]), atol=0.15, rtol=0)
