"""What a prepared item depends on: the contents of its files, the case, the transform, and the versions of the code."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

import monai
import numpy as np
import torch
from monai.data import ImageReader
from monai.transforms import Randomizable

import medtk_monai
from medtk_monai.atomic import write_text_atomically
from medtk_monai.data.content import files_of
from medtk_monai.data.item_file import MAGIC
from medtk_monai.digests import file_sha256
from medtk_monai.errors import DataError
from medtk_monai.json_files import read_json
from medtk_monai.structures import Target

TRUSTED = ("medtk_monai", "monai", "torch", "numpy", "builtins")
"""Packages whose code is known by their version."""
FILE_KEYS = ("image", "label_map")
"""Keys of a case that every preparation reads as files."""


def item_key(case: Mapping[str, Any], transform: Any, digests: Path) -> str:
    """A name for the prepared item of a case, which changes with whatever the item depends on.

    The files of the image, of the label map, and of whatever else the transform names stand for their content. Other strings may name a
    file by chance, or for code that is not described: such a file stands for its size and time of change, a folder for its name.

    Args:
        case: of a datalist.
        transform: what ``describe`` tells of it: class, arguments and, outside the known packages, source code.
        digests: folder that remembers the digests of files by their size and time of change.

    Raises:
        DataError: an image or a label map is a pipe or a device.
    """
    named = set(_strings(transform)).union(FILE_KEYS)
    read = [path for key, value in case.items() if key in named for path in _strings(value) if os.path.exists(path)]
    files = {str(file): file_digest(str(file), digests) for path in read for file in files_of(path)}
    others = [path for key, value in case.items() if key not in named for path in _strings(value)]
    stamps = {path: _stamp(path) for path in others if os.path.isfile(path)}
    parts = [field.name for field in fields(Target)]
    versions = [MAGIC.decode(), parts, platform.python_version(), medtk_monai.__version__, monai.__version__, torch.__version__]
    described = json.dumps([versions, describe(dict(case)), files, stamps, transform], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()[:32]


def _stamp(path: str) -> list[int]:
    """What changes when a file is replaced, written to or touched."""
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def file_digest(path: str, digests: Path) -> str:
    """Of the content; computed once for each size and time of change of the file."""
    known = digests / f"{hashlib.sha256(os.path.abspath(path).encode()).hexdigest()[:32]}.json"
    stamp = _stamp(path)
    try:
        remembered = read_json(known)
        if remembered["stamp"] == stamp:
            return remembered["digest"]
    except (DataError, KeyError, TypeError):
        pass
    digest = file_sha256(path)
    write_text_atomically(known, json.dumps({"stamp": stamp, "digest": digest}))
    return digest


def describe(value: Any) -> Any:
    """What a transform or argument is, in values that JSON knows; equal for equal configurations in any process.

    Raises:
        TypeError: it cannot be told, as of objects that cannot be pickled and have no attributes.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (list, tuple)):
        return [describe(part) for part in value]
    if isinstance(value, (set, frozenset)):
        return sorted(json.dumps(describe(part), sort_keys=True) for part in value)
    if isinstance(value, Mapping):
        return {str(key): describe(part) for key, part in value.items()}
    if isinstance(value, (torch.Tensor, np.ndarray)):
        array = np.asarray(value)
        return [str(array.dtype), list(array.shape), hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()]
    if isinstance(value, (np.generic, np.dtype, torch.dtype, torch.device)):
        return str(value)
    if inspect.isclass(value):
        return [_name(value), _source(value)]
    if inspect.isroutine(value):
        held = [cell.cell_contents for cell in getattr(value, "__closure__", None) or ()]
        owner = getattr(value, "__self__", None)
        parts = [getattr(value, "__defaults__", None), getattr(value, "__kwdefaults__", None), held]
        return [_name(value), _source(value), describe(parts), None if inspect.ismodule(owner) else describe(owner)]
    return [_name(type(value)), _source(type(value)), describe(_state(value))]


def _state(value: Any) -> Any:
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if hasattr(value, "__dict__"):
        # What MONAI's parts remember of their last use is not what they are.
        hidden = {"R"} if isinstance(value, Randomizable) else {"filenames"} if isinstance(value, ImageReader) else set()
        return {name: part for name, part in vars(value).items() if name not in hidden}
    reduced = value.__reduce_ex__(2)
    return reduced if isinstance(reduced, str) else list(reduced[1:])


def _name(value: Any) -> str:
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', str(value))}"


def _source(value: Any) -> str:
    if str(getattr(value, "__module__", "")).split(".")[0] in TRUSTED:
        return ""
    try:
        text = inspect.getsource(value)
    except (OSError, TypeError):  # defined interactively
        codes = [part.__code__ for part in (vars(value).values() if inspect.isclass(value) else [value]) if hasattr(part, "__code__")]
        text = "".join(f"{code.co_code.hex()} {code.co_names} {[c for c in code.co_consts if not inspect.iscode(c)]}" for code in codes)
    return hashlib.sha256(text.encode()).hexdigest()


def _strings(value: Any) -> list[str]:
    if isinstance(value, (str, os.PathLike)):
        return [os.fspath(value)]
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    return [found for part in parts for found in _strings(part)]
