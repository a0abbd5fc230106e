"""Encoders of MONAI as backbones, the U-Net decoder as a neck, and what reflect padding is for."""

import pytest
import torch
from monai.networks.nets import DynUNet, ResNetFeatures
from monai.networks.nets.segresnet_ds import SegResEncoder
from torch import nn

from medtk_monai.anchors import AnchorGenerator
from medtk_monai.detectors import DetectionNetwork
from medtk_monai.errors import DataError
from medtk_monai.heads import AnchorHead
from medtk_monai.networks import FeatureMaps, FeaturePyramid, ResidualEncoder, StagedBackbone, UNetDecoder, measure_maps


def dynunet_encoder(dims):
    net = DynUNet(dims, 1, 2, [3] * 4, [1, 2, 2, 2], [2, 2, 2], filters=[4, 8, 8, 16], norm_name="batch")
    return StagedBackbone([net.input_block, *net.downsamples])


BACKBONES = {
    "residual": (lambda dims: ResidualEncoder(dims, 1, (4, 8, 8), (1, 2, 2), (1, 1, 1)), (4, 8, 8)),
    "resnet": (lambda dims: ResNetFeatures("resnet10", pretrained=False, spatial_dims=dims, in_channels=1), (64, 64, 128, 256, 512)),
    "segresnet": (lambda dims: SegResEncoder(dims, 8, 1, blocks_down=(1, 1, 1)), (8, 16, 32)),
    "dynunet": (dynunet_encoder, (4, 8, 8)),
}


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kind", BACKBONES)
def test_any_encoder_with_features_feeds_a_detector(kind, dims):
    build, channels = BACKBONES[kind]
    backbone, image = build(dims), torch.randn(2, 1, *(32,) * dims)
    maps = backbone(image)
    assert [m.shape[1] for m in maps] == list(channels)
    levels = [len(maps) - 2, len(maps) - 1]
    sizes = [tuple(maps[level].shape[2:]) for level in levels]
    network = DetectionNetwork(backbone, FeaturePyramid(dims, measure_maps(backbone, dims, 1), 8, levels), AnchorHead(dims, 8, 1, 1))
    output = network(image)
    strides = [32 // size[0] for size in sizes]
    assert output.feature_sizes == tuple(sizes)
    assert len(AnchorGenerator(strides, [[4], [8]])(sizes)) == output.flatten()[0].shape[1]


@pytest.mark.parametrize("dims", [2, 3])
def test_unet_decoder_brings_levels_back_to_stride_one(dims):
    strides, channels = [1, (2, 2, 1)[:dims], 2], (4, 8, 12)
    encoder = ResidualEncoder(dims, 1, channels, strides, (1, 1, 1))
    decoder = UNetDecoder(dims, measure_maps(encoder, dims, 1), 6, levels=[0, 1])
    image = torch.randn(2, 1, *(8, 8, 4)[:dims])
    fine, coarse = decoder(encoder(image))
    assert fine.shape == (2, 6, *(8, 8, 4)[:dims]) and coarse.shape == (2, 6, *(4, 4, 4)[:dims])
    (fine.sum() + coarse.sum()).backward()
    assert all(p.grad is not None for p in [*encoder.parameters(), *decoder.parameters()])


def test_what_does_not_fit_is_refused():
    maps = FeatureMaps((4, 8), ((2, 2), (3, 3)))
    with pytest.raises(DataError, match=r"levels \[2\] of 2 maps .* indices of maps"):
        UNetDecoder(2, maps, 4, [2])
    with pytest.raises(DataError, match=r"strides \(2, 2\) and \(3, 3\)"):
        UNetDecoder(2, maps, 4, [0])
    with pytest.raises(ValueError, match="at least one stage"):
        StagedBackbone([])


def trained_to_smooth(reflect):
    """A network whose every convolution pads, trained to blur noise."""
    torch.manual_seed(0)
    encoder = ResidualEncoder(2, 1, (8, 8), (1, 1), (1, 1))
    network = DetectionNetwork(encoder, FeaturePyramid(2, measure_maps(encoder, 2, 1), 8, [0]), AnchorHead(2, 8, 1, 1), reflect)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(25):
        image = 1 + torch.randn(2, 1, 24, 24)
        wanted = nn.functional.avg_pool2d(nn.functional.pad(image, (2,) * 4, mode="reflect"), 5, 1)
        optimizer.zero_grad()
        nn.functional.mse_loss(network(image).logits[0], wanted).backward()
        optimizer.step()
    return network.eval()


def test_windows_differ_less_from_the_whole_image_with_reflect_padding():
    """Mean difference of the outermost cells of windows without any margin, relative to the spread of the output."""
    differences = {}
    for reflect in (False, True):
        network = trained_to_smooth(reflect)
        image = 1 + torch.randn(2, 1, 48, 48, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            whole, window = network(image).logits[0][..., 12:36, 12:36], network(image[..., 12:36, 12:36]).logits[0]
        ring = torch.ones(24, 24, dtype=torch.bool)
        ring[3:-3, 3:-3] = False
        differences[reflect] = ((whole - window).abs()[..., ring].mean() / whole.std()).item()
    assert differences[True] < 0.75 * differences[False]
