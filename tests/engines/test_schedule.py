import pytest
import torch

from medtk_monai.engines import warmup_poly_schedule


def test_rate_grows_evenly_then_falls_as_a_power():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
    schedule, rates = warmup_poly_schedule(optimizer, 4, 14, power=0.5), []
    for _ in range(16):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[:5] == pytest.approx([0.2, 0.65, 1.1, 1.55, 2.0])
    assert rates[5:] == pytest.approx([2 * max(0, (14 - step) / 10) ** 0.5 for step in range(5, 16)])
