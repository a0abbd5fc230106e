import pytest
import torch
from torch import nn

from medtk_monai.networks import FeatureMaps, FeaturePyramid, ReflectConv3d, ResidualEncoder, with_reflect_padding


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("norm", ["batch", ("group", {"num_groups": 4})])
def test_encoder_halves_where_it_is_told(dims, norm):
    strides = [2, (2, 2, 1)[:dims], 2]
    encoder = ResidualEncoder(dims, 1, (4, 8, 8), strides, (1, 2, 1), norm)
    maps = encoder(torch.rand(2, 1, *(16, 16, 8)[:dims]))
    assert [tuple(m.shape[1:]) for m in maps] == [(4, *(8, 8, 4)[:dims]), (8, *(4, 4, 4)[:dims]), (8, *(2, 2, 2)[:dims])]


def test_encoder_refuses_lists_of_different_lengths():
    with pytest.raises(ValueError, match="one of each per stage"):
        ResidualEncoder(2, 1, (4, 8), (2,), (1, 1))


def test_pyramid_has_weights_for_the_wanted_levels_only():
    maps = [torch.rand(1, c, s, s) for c, s in ((4, 16), (8, 8), (8, 4))]
    pyramid = FeaturePyramid(2, FeatureMaps((4, 8, 8), ((1, 1), (2, 2), (4, 4))), 6, levels=[1])
    (level,) = pyramid(maps)
    assert level.shape == (1, 6, 8, 8)
    level.sum().backward()
    assert all(p.grad is not None for p in pyramid.parameters())


def test_pyramid_refuses_a_level_without_a_map():
    with pytest.raises(ValueError, match="indices of maps"):
        FeaturePyramid(2, FeatureMaps((4, 8), ((1, 1), (2, 2))), 6, levels=[0, 2])


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_reflect_padding_equals_padding_by_hand(dims):
    conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1](2, 3, 3, stride=2, padding=1)
    maps = torch.rand(1, 2, *(6, 5, 4)[:dims])
    expected = nn.functional.pad(maps, (1,) * 2 * dims, mode="reflect")
    network = with_reflect_padding(nn.Sequential(conv, nn.ReLU()))
    conv.padding = (0,) * dims
    torch.testing.assert_close(network(maps), conv(expected).relu())


def test_reflect_padding_keeps_weights_names_and_unpadded_convolutions():
    network = nn.Sequential(
        nn.Conv3d(1, 2, 3, padding="same"), nn.Sequential(nn.Conv3d(2, 2, 1), nn.Conv3d(2, 2, 3, padding=1, bias=False))
    )
    before = dict(network.named_parameters())
    with_reflect_padding(network)
    after = dict(network.named_parameters())
    assert before.keys() == after.keys() and all(after[name] is before[name] for name in before)
    assert [type(m) is ReflectConv3d for m in network.modules() if isinstance(m, nn.Conv3d)] == [True, False, True]


def test_reflect_padding_works_where_a_map_is_smaller_than_its_pad():
    network = with_reflect_padding(nn.Sequential(nn.Conv3d(1, 1, 5, padding=2)))
    maps = torch.rand(1, 1, 1, 2, 9, requires_grad=True)
    network(maps).sum().backward()
    assert network(maps).shape == maps.shape and torch.isfinite(maps.grad).all()


def test_reflect_padding_passes_gradcheck():
    network = with_reflect_padding(nn.Sequential(nn.Conv2d(1, 1, 3, padding=1))).double()
    assert torch.autograd.gradcheck(network, torch.rand(1, 1, 4, 2, dtype=torch.float64, requires_grad=True))


def test_an_even_kernel_with_same_padding_is_refused():
    with pytest.raises(ValueError, match="odd kernel"):
        with_reflect_padding(nn.Sequential(nn.Conv2d(1, 1, 2, padding="same")))
