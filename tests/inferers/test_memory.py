"""A device that runs out of memory."""

import logging

import pytest
import torch
from torch import nn

from medtk_monai.inferers import WindowedInferer
from medtk_monai.inferers.memory import run_within_memory
from tests.inferers.marked import MarkNetwork, mark, postprocessor

GPU, CPU = torch.device("cuda"), torch.device("cpu")


class Device:
    """Runs batches up to a size, and notes where."""

    def __init__(self, **limits):
        self.limits, self.log = limits, []

    def __call__(self, jobs, device):
        self.log.append((len(jobs), device.type))
        if len(jobs) > self.limits[device.type]:
            raise torch.OutOfMemoryError("out of memory")
        return [job * 10 for job in jobs]


def test_batches_are_halved_until_they_fit():
    run = Device(cuda=2)
    assert run_within_memory(run, list(range(7)), 8, GPU) == [0, 10, 20, 30, 40, 50, 60]
    assert [size for size, _ in run.log] == [7, 4, 2, 2, 2, 1]


class Network(nn.Linear):
    """Notes where it is sent."""

    def __init__(self):
        super().__init__(1, 1)
        self.moves = []

    def to(self, device):
        self.moves.append(device)
        return self


def test_what_is_too_much_for_a_gpu_goes_to_the_cpu(caplog):
    run, network = Device(cuda=0, cpu=1), Network()
    with caplog.at_level(logging.WARNING):
        assert run_within_memory(run, [1, 2, 3], 2, GPU, network) == [10, 20, 30]
    assert run.log == [(2, "cuda"), (1, "cuda"), (1, "cpu"), (1, "cpu"), (1, "cpu")]
    assert network.moves == [CPU] and "going on with batches of 1 on cpu" in caplog.text


def test_without_another_device_the_error_remains():
    with pytest.raises(torch.OutOfMemoryError):
        run_within_memory(Device(cpu=0), [1], 1, CPU, Network())
    with pytest.raises(torch.OutOfMemoryError):
        run_within_memory(Device(cuda=0), [1], 1, GPU, lambda images: images)


def test_smaller_batches_find_the_same():
    image = torch.zeros(1, 1, 32, 40)
    for cell in ((1, 2), (6, 3), (3, 7)):
        mark(image[0], cell)
    network = MarkNetwork()
    network.register_forward_pre_hook(refuse_more_than(2))
    (found,) = WindowedInferer(postprocessor(), 12, 4, batch_size=64)(image, network)
    (expected,) = WindowedInferer(postprocessor(), 12, 4)(image, MarkNetwork())
    assert found.prior_ids.tolist() == expected.prior_ids.tolist() and len(found) == 3


def refuse_more_than(limit):
    def hook(module, inputs):
        if len(inputs[0]) > limit:
            raise torch.OutOfMemoryError("out of memory")

    return hook
