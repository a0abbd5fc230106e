"""Memory counted by fake tensors against what a real step keeps."""

import pytest
import torch

from medtk_monai.detectors import DetectionNetwork
from medtk_monai.heads import PointHead
from medtk_monai.networks import FeaturePyramid, ResidualEncoder, measure_maps
from medtk_monai.planning.memory import step_memory


def small_network(dims=3):
    backbone = ResidualEncoder(dims, 1, [8, 16, 16], [2, 2, 2], [1, 1, 1])
    return DetectionNetwork(backbone, FeaturePyramid(dims, measure_maps(backbone, dims, 1), 8, [0, 1]), PointHead(dims, 8, 1, 2))


def kept_by_a_real_step(network, images, dtype):
    """Bytes of all distinct tensors that the backward pass asks for."""
    held, sizes = [], {}

    def keep(tensor):
        held.append(tensor)
        sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", dtype, enabled=dtype != torch.float32),
    ):
        network(images)
    weights = {p.untyped_storage().data_ptr() for p in network.parameters()}
    return sum(size for place, size in sizes.items() if place not in weights)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("dims, side", [(2, 64), (3, 16)])
def test_fake_tensors_count_what_a_real_step_keeps(dims, side, dtype):
    shape = (2, 1, *[side] * dims)
    found = step_memory(lambda: small_network(dims), shape, dtype)
    network = small_network(dims).train()
    kept = kept_by_a_real_step(network, torch.randn(shape), dtype)
    assert found.saved == pytest.approx(kept, rel=0.02)
    assert found.fixed == 16 * sum(p.numel() for p in network.parameters())


def test_memory_grows_with_the_batch():
    one, four = (step_memory(small_network, (batch, 1, 16, 16, 16)) for batch in (1, 4))
    assert four.saved == pytest.approx(4 * one.saved, rel=0.01) and four.fixed == one.fixed
