"""The average of a network's weights, against a loop."""

import pytest
import torch
from ignite.engine import Engine

from medtk_monai.handlers import AveragedNetwork


def training(momentum, steps, average=None):
    """A network whose weights are drawn anew at each step; returns its average, and the weights of each step."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    average = average or AveragedNetwork(network, momentum)
    seen = []

    def step(engine, batch):
        with torch.no_grad():
            for weight in network.parameters():
                weight.uniform_()
        network(torch.rand(4, 2))
        seen.append({name: value.clone() for name, value in network.state_dict().items()})

    engine = Engine(step)
    average.attach(engine)
    engine.run(range(steps))
    return average, seen


def test_average_by_a_loop():
    average, seen = training(0.3, 40)
    for name in seen[0]:
        expected = seen[0][name].double()
        for number, state in enumerate(seen[1:], 1):
            expected += (state[name] - expected) * max(0.3, 9 / (10 + number))
        if "tracked" not in name:
            torch.testing.assert_close(average.network.state_dict()[name].double(), expected, rtol=1e-5, atol=1e-6)
    assert average.network.state_dict()["1.num_batches_tracked"] == 40
    assert not average.network.training


def test_none_is_the_network_itself():
    network = torch.nn.Linear(2, 1)
    average = AveragedNetwork(network)
    average.attach(Engine(lambda *_: None))
    average.load_state_dict({})
    assert average.network is network and average.state_dict() == {}


def test_an_average_goes_on_from_its_state():
    whole, _ = training(0.01, 6)
    torch.manual_seed(0)
    network = torch.nn.Linear(2, 1)
    first = AveragedNetwork(network, 0.01)
    draws = torch.rand(6, 1, 2)

    def run(average, part):
        engine = Engine(lambda _, draw: network.weight.data.copy_(draw))
        average.attach(engine)
        engine.run(part)

    run(first, draws[:3])
    second = AveragedNetwork(network, 0.01)
    second.load_state_dict(first.state_dict())
    run(second, draws[3:])
    run(uninterrupted := AveragedNetwork(network, 0.01), draws)
    assert torch.equal(second.network.weight, uninterrupted.network.weight)


@pytest.mark.parametrize("momentum", [0, -1, 1.5])
def test_impossible_momentums_are_named(momentum):
    with pytest.raises(ValueError, match="momentum"):
        AveragedNetwork(torch.nn.Linear(1, 1), momentum)
