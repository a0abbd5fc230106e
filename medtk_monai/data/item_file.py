"""Prepared items in files that are mapped into memory, not read: tensors as they lie in memory, and a header that tells what they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from medtk_monai.atomic import replacing
from medtk_monai.json_files import parse_json
from medtk_monai.structures import Target

MAGIC = b"medtk item 2\n"
ALIGNMENT = 64
_DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in (
    torch.float16, torch.float32, torch.float64, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool,
)}  # fmt: skip


class BrokenFileError(ValueError):
    """A file is not an item, or not a whole one."""


def write_item(path: Path, item: Mapping[str, Any]) -> None:
    """Write an item: tensors, Targets, and values that JSON knows. The file appears complete or not at all.

    Raises:
        OutputError: the disk is full, or does not allow it; nothing is left behind.
        TypeError: a value is of another type, or a key has a dot.
    """
    tensors, plain = _split(item)
    described, offset = [], 0
    for name, tensor in tensors.items():
        described.append({"name": name, "dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape), "offset": offset})
        offset += _aligned(tensor.numel() * tensor.element_size())
    header = json.dumps({"tensors": described, "plain": plain, "data": offset}).encode()
    start = MAGIC + len(header).to_bytes(8, "little") + header
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(start.ljust(_aligned(len(start)), b"\0"))
        for tensor in tensors.values():
            data = tensor.contiguous().view(-1).numpy().data
            file.write(data)
            file.write(b"\0" * (_aligned(data.nbytes) - data.nbytes))
        file.write(crc32(start).to_bytes(4, "little"))


def read_item(path: Path) -> dict[str, Any]:
    """The item of a file; its tensors are mapped, and writing to them does not change the file. Their values are not verified.

    Raises:
        BrokenFileError: the file is torn, or something else.
        FileNotFoundError: there is none.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(len(MAGIC) + 8)
        length = int.from_bytes(start[len(MAGIC) :], "little")
        if not start.startswith(MAGIC) or length > size:
            raise BrokenFileError(f"{path} is no prepared item")
        text = file.read(length)
        base = _aligned(len(start) + length)
        try:
            header = parse_json(text, str(path), kind=dict)
            end = base + header["data"]
        except (ValueError, KeyError, TypeError) as error:
            raise BrokenFileError(f"{path} has a broken header") from error
        file.seek(end)
        if file.read() != crc32(start + text).to_bytes(4, "little"):
            raise BrokenFileError(f"{path} is torn")
    data = torch.from_file(str(path), shared=False, size=size, dtype=torch.uint8)[base:]  # numpy.memmap would hold the file open
    tensors = {part["name"]: _tensor(data, part) for part in header["tensors"]}
    return _join(tensors, header["plain"])


def item_bytes(item: Mapping[str, Any]) -> int:
    """Memory of the tensors of an item."""
    return sum(tensor.numel() * tensor.element_size() for tensor in _split(item)[0].values())


def _tensor(data: Tensor, part: Mapping[str, Any]) -> Tensor:
    dtype, shape = _DTYPES[part["dtype"]], part["shape"]
    count = int(np.prod(shape, dtype=np.int64)) * torch.empty((), dtype=dtype).element_size()
    return data[part["offset"] : part["offset"] + count].view(dtype).view(shape)


def _split(item: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors, plain = {}, {}
    for key, value in item.items():
        if "." in key:
            raise TypeError(f"{key!r} has a dot, which stands for the parts of a Target")
        if isinstance(value, Tensor):
            tensors[key] = value
        elif isinstance(value, Target):
            tensors |= {f"{key}.{f.name}": getattr(value, f.name) for f in fields(value) if getattr(value, f.name) is not None}
        elif _is_plain(value):
            plain[key] = value
        else:
            raise TypeError(f"{key!r} is a {type(value).__name__}: only tensors, Targets and values that JSON knows can be cached")
    for name, tensor in tensors.items():
        if tensor.dtype not in _DTYPES.values():
            raise TypeError(f"{name!r} is of type {tensor.dtype}, which cannot be cached: convert it")
    return tensors, plain


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(part) for key, part in value.items())
    return all(map(_is_plain, value)) if isinstance(value, list) else value is None or isinstance(value, (bool, int, float, str))


def _join(tensors: Mapping[str, Tensor], plain: Mapping[str, Any]) -> dict[str, Any]:
    item: dict[str, Any] = dict(plain)
    targets: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        key, dot, part = name.rpartition(".")
        if dot:
            targets.setdefault(key, {})[part] = tensor
        else:
            item[name] = tensor
    return item | {key: Target(**parts) for key, parts in targets.items()}


def _aligned(length: int) -> int:
    return -(-length // ALIGNMENT) * ALIGNMENT
