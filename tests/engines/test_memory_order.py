"""The order of images in memory."""

import subprocess
import sys

import pytest
import torch

from medtk_monai.engines import memory_order, prepare_batch

CRASH = """
import torch
for dims, size, order in ((2, (128, 128), torch.{flat}), (3, (32, 32, 32), torch.{solid})):
    for channels in (2, 3, 4, 12):
        conv = getattr(torch.nn, f"Conv{{dims}}d")(channels, 24, 1, 2, bias=False).to(memory_format=order)
        images = torch.randn(8, channels, *size).contiguous(memory_format=order)
        for _ in range(2):
            conv(images).sum().backward()
print("unharmed")
"""


def test_strided_convolutions_of_a_few_channels_leave_memory_alone():
    """In a process of its own, which torch's fault would end."""
    flat, solid = (str(memory_order(dims, "cpu")).removeprefix("torch.") for dims in (2, 3))
    done = subprocess.run([sys.executable, "-c", CRASH.format(flat=flat, solid=solid)], capture_output=True, text=True)
    assert done.stdout.strip() == "unharmed", done.stderr[-500:]


@pytest.mark.parametrize("dims", [2, 3])
def test_batches_get_the_order_of_the_device(dims):
    images, _ = prepare_batch({"image": torch.zeros(2, 3, *[4] * dims), "target": []}, "cpu")
    assert images.is_contiguous(memory_format=memory_order(dims, "cpu"))
    assert memory_order(2, "cuda") == torch.channels_last
