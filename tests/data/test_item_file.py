"""Files of prepared items."""

import errno
import os

import pytest
import torch

from medtk_monai.data.item_file import MAGIC, BrokenFileError, item_bytes, read_item, write_item
from medtk_monai.errors import OutputError
from medtk_monai.structures import Target


def make_item(objects=2):
    target = Target(torch.rand(objects, 6), torch.arange(objects), torch.zeros(objects, dtype=torch.bool))
    return {
        "image": torch.randn(1, 5, 6, 7).permute(0, 3, 2, 1), "target": target, "affine": torch.eye(4, dtype=torch.float64),
        "half": torch.randn(3).half(), "scalar": torch.tensor(3), "case_id": "a/b ü", "extra": {"list": [1, 2.5, None], "flag": True},
    }  # fmt: skip


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for key, value in first.items():
        if isinstance(value, Target):
            assert all(
                getattr(value, name) is None or torch.equal(getattr(value, name), getattr(second[key], name)) for name in vars(value)
            )
            assert (value.mask is None) == (second[key].mask is None)
        elif isinstance(value, torch.Tensor):
            assert torch.equal(value, second[key]) and value.dtype == second[key].dtype
        else:
            assert value == second[key]


@pytest.mark.parametrize("item", [make_item(2), make_item(0), {"nothing": None}, make_item() | {"image": torch.zeros(0, 4)}])
def test_items_come_back(tmp_path, item):
    write_item(tmp_path / "folder" / "one.item", item)
    assert_equal(item, read_item(tmp_path / "folder" / "one.item"))
    assert os.listdir(tmp_path / "folder") == ["one.item"]


def test_masks_come_back_and_memory_is_counted(tmp_path):
    item = {"target": Target(torch.zeros(0, 4), torch.zeros(0).long(), torch.zeros(0) > 0, mask=torch.ones(4, 5, dtype=torch.uint8))}
    write_item(tmp_path / "one", item)
    assert_equal(item, read_item(tmp_path / "one"))
    assert item_bytes(item) == 20


def test_writing_into_an_item_leaves_its_file(tmp_path):
    item = make_item()
    write_item(tmp_path / "one", item)
    read_item(tmp_path / "one")["image"].zero_()
    assert_equal(item, read_item(tmp_path / "one"))


def test_torn_files_are_noticed(tmp_path):
    write_item(tmp_path / "one", make_item())
    content = (tmp_path / "one").read_bytes()
    for length in [*range(40), *range(40, len(content), 97), len(content) - 1]:
        (tmp_path / "one").write_bytes(content[:length])
        with pytest.raises(BrokenFileError):
            read_item(tmp_path / "one")
    for other in (b"something else", content + b"more", content[:200] + b"\0" * (len(content) - 200), MAGIC + b"\xff" * 100):
        (tmp_path / "one").write_bytes(other)
        with pytest.raises(BrokenFileError):
            read_item(tmp_path / "one")


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space"):
        write_item(tmp_path / "one", make_item())
    assert os.listdir(tmp_path) == []


def test_files_are_not_held_open(tmp_path):
    items = []
    for number in range(20):
        write_item(tmp_path / str(number), make_item())
        items.append(read_item(tmp_path / str(number)))
    held = (
        {os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")} if os.path.isdir("/proc/self/fd") else set()
    )
    assert not [path for path in held if path.startswith(str(tmp_path))] and len(items) == 20


def test_keys_with_dots_are_refused(tmp_path):
    with pytest.raises(TypeError, match="'a.b'"):
        write_item(tmp_path / "one", {"a.b": torch.zeros(1)})


@pytest.mark.parametrize("value", [object(), (1, 2), {1: 2}, [object()], torch.zeros(2, dtype=torch.uint16), torch.zeros(2).cfloat()])
def test_other_values_are_refused(tmp_path, value):
    with pytest.raises(TypeError, match="'odd'"):
        write_item(tmp_path / "one", {"odd": value})
