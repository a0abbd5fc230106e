import pytest
import torch

from medtk_monai.heads import RoIExtractor, RoIHead


@pytest.mark.parametrize("dims", [2, 3])
def test_boxes_are_pooled_from_the_level_of_their_size_in_their_order(dims):
    """Levels are told apart by their values: 1 on the fine one, 2 on the coarse one."""
    maps = [torch.ones(2, 1, *(16,) * dims), 2 * torch.ones(2, 1, *(8,) * dims)]
    small, large = [4.0] * dims + [10.0] * dims, [4.0] * dims + [18.0] * dims
    boxes = [torch.tensor([large, small]), torch.tensor([small])]
    found = RoIExtractor([2, 4], output_size=3, level_size=3.0)(maps, boxes)
    assert found.shape == (3, 1, *(3,) * dims)
    assert found.flatten(1).mean(dim=1).tolist() == [2, 1, 1]


def test_context_pools_an_enlarged_box_too():
    maps = [torch.arange(16.0).repeat(16, 1)[None, None]]  # grows along the second axis
    extractor = RoIExtractor([1], output_size=2, context=2.0)
    found = extractor(maps, [torch.tensor([[6.0, 6, 10, 10]])])
    assert found.shape[1] == extractor.channels(1) == 2
    torch.testing.assert_close(found[0, :, 0], torch.tensor([[6.5, 8.5], [5.5, 9.5]]))


@pytest.mark.parametrize("dims", [2, 3])
def test_a_fresh_roi_head_calls_everything_background_and_nothing_is_fine(dims):
    head = RoIHead(dims, 4, 3, num_classes=2)
    logits, deltas = head(torch.randn(5, 4, *(3,) * dims))
    assert logits.shape == (5, 2) and deltas.shape == (5, 2 * dims)
    assert logits.sigmoid().mean().item() == pytest.approx(0.01, rel=0.3)
    none = head(RoIExtractor([2], 3)([torch.zeros(2, 4, *(4,) * dims)], [torch.zeros(0, 2 * dims)] * 2))
    sum(part.sum() for part in none).backward()
    assert all(parameter.grad is not None for parameter in head.parameters())


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match="context"):
        RoIExtractor([2], context=0.5)
