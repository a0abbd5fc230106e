"""Precision: what auto chooses, and what the network then computes in."""

import pytest
import torch

from medtk_monai.engines import EvaluateStep, TrainStep, resolve_precision
from medtk_monai.structures import Detections
from tests.handlers.test_handlers import FakeEngine, batch


@pytest.mark.parametrize("amx, avx512", [(False, False), (True, False), (False, True)])
def test_auto_is_bfloat16_only_with_units_for_it(monkeypatch, amx, avx512):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    assert resolve_precision("auto", "cpu") == (torch.bfloat16 if amx or avx512 else torch.float32)
    assert resolve_precision("float32", torch.device("cpu")) == torch.float32


def test_an_unknown_precision_names_the_known_ones():
    with pytest.raises(ValueError, match="'half'.*'auto'.*float32, bfloat16, float16"):
        resolve_precision("half", "cpu")


class Recorder(torch.nn.Module):
    """Remembers in what type its convolution computed."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv3d(1, 1, 1)
        self.seen = None

    def forward(self, images):
        result = self.conv(images)
        self.seen = result.dtype
        return result


@pytest.mark.parametrize("precision", (torch.float32, torch.bfloat16))
def test_the_network_computes_in_the_wanted_type_and_weights_stay_float32(precision):
    step = TrainStep(precision)
    engine = FakeEngine(step, lambda output, targets: {"a": output.float().square().mean()})
    engine.network = Recorder()
    engine.optimizer = torch.optim.SGD(engine.network.parameters(), lr=0.1)
    before = engine.network.conv.weight.clone()
    output = step(engine, batch())
    assert engine.network.seen == precision and output["loss"].dtype == torch.float32
    assert engine.network.conv.weight.dtype == torch.float32 and not torch.equal(engine.network.conv.weight, before)


def test_evaluation_computes_in_the_wanted_type_without_gradient():
    class Inferer:
        def __call__(self, images, network):
            self.result = network(images)
            return [Detections(torch.zeros(0, 6), torch.zeros(0), torch.zeros(0).long(), torch.zeros(0).long())]

    engine = FakeEngine(EvaluateStep(), None)
    engine.network, engine.inferer, engine.mode = Recorder(), Inferer(), lambda network: torch.no_grad()
    EvaluateStep(torch.bfloat16)(engine, batch())
    assert engine.network.seen == torch.bfloat16 and not engine.inferer.result.requires_grad


def test_a_scaler_is_stepped():
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    step = TrainStep(scaler=scaler)
    engine = FakeEngine(step, lambda output, targets: {"a": output.sum() ** 2})
    output = step(engine, batch())
    assert output["loss"].item() == 1 and engine.network.weight.item() == pytest.approx(1 - 0.1 * 2)  # unscaled before the step
