"""The maps of a network, as it tells them itself."""

import pytest
import torch
from torch import nn

from medtk_monai.errors import DataError
from medtk_monai.networks import FeatureMaps, FeaturePyramid, ResidualEncoder, StagedBackbone, UNetDecoder, measure_maps


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("neck", [FeaturePyramid, UNetDecoder])
def test_told_sizes_are_real_sizes(dims, neck):
    backbone = ResidualEncoder(dims, 2, (4, 6, 8), (1, (2, 1, 2)[:dims], 2), (1, 1, 1))
    maps = measure_maps(backbone, dims, 2)
    levels = measure_maps([backbone, neck(dims, maps, 5, [0, 2])], dims, 2)
    image = torch.rand(1, 2, *(8, 4, 12)[:dims])
    for found, told in ((backbone(image), maps), (neck(dims, maps, 5, [0, 2])(backbone(image)), levels)):
        assert tuple(part.shape[1] for part in found) == told.channels
        assert [tuple(part.shape[2:]) for part in found] == [
            tuple(n // s for n, s in zip(image.shape[2:], stride)) for stride in told.strides
        ]
    assert levels.width == 5 and len(levels) == 2 and maps.coarsest == (4, 2, 4)[:dims]
    assert maps.steps == ((1, 1, 1)[:dims], (2, 1, 2)[:dims], (2, 2, 2)[:dims])


def test_asking_leaves_the_network_as_it_is_and_draws_nothing():
    backbone = StagedBackbone([nn.Sequential(nn.Conv2d(1, 2, 3, 2, 1), nn.BatchNorm2d(2), nn.Dropout(0.5))]).train()
    backbone.stages[0][1].eval()
    before, state = {name: value.clone() for name, value in backbone.state_dict().items()}, torch.get_rng_state()
    assert measure_maps(backbone, 2, 1) == FeatureMaps((2,), ((2, 2),))
    assert torch.equal(state, torch.get_rng_state()) and all(
        torch.equal(value, before[name]) for name, value in backbone.state_dict().items()
    )
    assert [part.training for part in backbone.stages[0]] == [True, False, True] and backbone.stages[0][0].weight.device.type == "cpu"


class WithATable(nn.Module):
    """Holds a tensor that is neither a parameter nor a buffer."""

    def __init__(self):
        super().__init__()
        self.conv, self.table = nn.Conv2d(1, 3, 3, 2, 1), torch.arange(3.0)[:, None, None]

    def forward(self, image):
        return [self.conv(image) + self.table]


def test_tensors_that_are_no_parameters_are_no_hindrance():
    assert measure_maps(WithATable(), 2, 1) == FeatureMaps((3,), ((2, 2),))


class Reversed(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone

    def forward(self, image):
        return self.backbone(image)[::-1]


REFUSED = {
    "other channels": (ResidualEncoder(2, 1), 2, 3, "cannot take 2D images of 3 channels"),
    "other axes": (ResidualEncoder(2, 1), 3, 1, "cannot take 3D images of 1 channels"),
    "one map alone": (nn.Conv2d(1, 2, 3, padding=1), 2, 1, "gives Tensor, not a list of maps"),
    "no padding": (StagedBackbone([nn.Conv2d(1, 2, 3)]), 2, 1, r"map 0 .* has \d+, \d+ cells for 60480, 60480 voxels"),
    "coarsest first": (Reversed(ResidualEncoder(2, 1)), 2, 1, r"stride \(8, 8\) before one of \(4, 4\)"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_backbone_is_refused(kind):
    network, dims, channels, told = REFUSED[kind]
    with pytest.raises(DataError, match=told):
        measure_maps(network, dims, channels)


def test_levels_of_different_channels_are_refused():
    with pytest.raises(DataError, match="levels have 4, 8 channels"):
        FeatureMaps((4, 8), ((1,), (2,))).width  # noqa: B018
