"""Batch norm in training: by the statistics of the batch, and in the end by those it will be used with."""

import pytest
import torch
from torch import nn

from medtk_monai.engines import TrainStep
from tests.handlers.test_handlers import FakeEngine, batch


def engine_of(iteration, epochs=4, epoch_length=50):
    engine = FakeEngine(TrainStep(), lambda output, targets: {"a": (output - 3).square().mean()})
    engine.network = nn.Sequential(nn.Conv3d(1, 2, 3, padding=1), nn.BatchNorm3d(2), nn.Dropout(0.0))
    engine.optimizer = torch.optim.SGD(engine.network.parameters(), lr=0.1)
    engine.state.iteration, engine.state.max_epochs, engine.state.epoch_length = iteration, epochs, epoch_length
    return engine


def noise(shift=5.0):
    torch.manual_seed(0)
    return batch() | {"image": shift + torch.randn(2, 1, 4, 4, 4)}


@pytest.mark.parametrize(
    "share, iteration, epochs, of_the_batch",
    [
        (0.75, 150, 4, True),
        (0.75, 151, 4, False),
        (1.0, 200, 4, True),
        (0.0, 100, 4, True),  # the running statistics still hold their first values
        (0.0, 101, 4, False),
        (0.5, 50, 1, True),
    ],
)
def test_the_last_steps_take_the_running_statistics(share, iteration, epochs, of_the_batch):
    engine = engine_of(iteration, epochs)
    norm, before = engine.network[1], engine.network[1].running_mean.clone()
    seen = []
    norm.register_forward_hook(lambda module, inputs, output: seen.append(output.detach().mean().item()))
    weights = engine.network[0].weight.clone()
    TrainStep(batch_statistics_share=share)(engine, noise())
    assert (abs(seen[0]) < 1e-5) == of_the_batch
    assert torch.equal(norm.running_mean, before) != of_the_batch
    assert engine.network[2].training and not torch.equal(engine.network[0].weight, weights)


@pytest.mark.parametrize("share", (0.5, 1.0))
def test_what_is_learnt_is_what_inference_computes(share):
    engine, learnt = engine_of(iteration=151), []
    engine.network.eval()
    used = engine.network(noise()["image"]).detach()
    engine.loss_function = lambda output, targets: learnt.append(output.detach()) or {"a": output.sum()}
    TrainStep(batch_statistics_share=share)(engine, noise())
    assert torch.allclose(learnt[0], used, atol=1e-5, rtol=1e-5) == (share == 0.5)


@pytest.mark.parametrize("share", (-0.1, 80))
def test_a_share_out_of_range(share):
    with pytest.raises(ValueError, match=f"batch_statistics_share is {share}"):
        TrainStep(batch_statistics_share=share)
