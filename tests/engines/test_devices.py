"""Devices that users name."""

import pytest
import torch

from medtk_monai.engines import check_device, device_kind
from medtk_monai.errors import DataError


def test_kinds():
    assert [device_kind(name) for name in ("cpu", "cuda", "cuda:1")] == ["cpu", "cuda", "cuda"]


@pytest.mark.parametrize("name", ("gpu", "1x", "meta", "mps", "None"))
def test_what_is_no_device(name):
    with pytest.raises(DataError, match=f"--device {name}: no such device.*give cpu, cuda"):
        device_kind(name)


@pytest.mark.parametrize("there", (True, False))
def test_a_gpu_must_be_there(monkeypatch, there):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    check_device(torch.device("cpu"))
    if there:
        check_device("cuda:0")
    else:
        with pytest.raises(DataError, match="--device cuda:0: this machine has no GPU"):
            check_device(torch.device("cuda:0"))
