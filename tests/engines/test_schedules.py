from math import cos, pi

import pytest
import torch

from medtk_monai.engines import warmup_cosine_schedule, warmup_poly_schedule

FALLS = {
    warmup_cosine_schedule: lambda done: (1 + cos(pi * done)) / 2,
    warmup_poly_schedule: lambda done: (1 - done) ** 0.9,
}


def rates_of(schedule, optimizer, steps):
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def make_optimizer():
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0)


@pytest.mark.parametrize("make", FALLS)
def test_rate_grows_evenly_then_falls_to_zero(make):
    optimizer = make_optimizer()
    rates = rates_of(make(optimizer, 4, 14), optimizer, 16)
    assert rates[:5] == pytest.approx([0.2, 0.65, 1.1, 1.55, 2.0])
    assert rates[5:] == pytest.approx([2 * FALLS[make](min((step - 4) / 10, 1)) for step in range(5, 16)])


@pytest.mark.parametrize("make", FALLS)
def test_a_longer_training_goes_on_as_if_it_had_been_that_long(make):
    first, second, whole = make_optimizer(), make_optimizer(), make_optimizer()
    short = make(first, 2, 6)
    rates_of(short, first, 6)
    long = make(second, 2, 12)
    long.load_state_dict(short.state_dict())
    second.load_state_dict(first.state_dict())
    assert rates_of(long, second, 6)[1:] == pytest.approx(rates_of(make(whole, 2, 12), whole, 12)[7:])
