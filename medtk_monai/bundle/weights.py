"""Weights of networks as safetensors: numbers and names, checked when they are written and when they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from medtk_monai.errors import DataError

_TYPES = (
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
)
_REMEDY = "make the model again from its checkpoint, or get the file again"


def pack_weights(state: Mapping[str, Tensor]) -> bytes:
    """The state of a network as the content of a file.

    Raises:
        DataError: a value is not finite, or complex.
    """
    check_values(state, "the network")
    return save({name: value.detach().cpu().contiguous().clone() for name, value in state.items()})


def unpack_weights(content: bytes, sha256: str, source: str) -> dict[str, Tensor]:
    """What ``pack_weights`` has packed.

    Args:
        sha256: that the content must have.
        source: file that it is from.

    Raises:
        DataError: the content is damaged, or holds values that no network has.
    """
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(f"{source} is damaged: its content is not what was written", remedy=_REMEDY)
    try:
        state = load(content)
    except Exception as error:  # types of numbers that torch does not have yet end in errors of other kinds
        raise DataError(f"{source} is no file of weights: {error}".splitlines()[0], remedy=_REMEDY) from error
    check_values(state, source)
    return state


def check_values(state: Mapping[str, Any], source: str) -> None:
    """Refuse weights that are no tensors, complex, NaN or infinite.

    Raises:
        DataError: with the name of the weight.
    """
    if not isinstance(state, Mapping):
        raise DataError(f"{source} has a {type(state).__name__} in the place of weights", remedy=_REMEDY)
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise DataError(f"{source}: {name} is a {type(value).__name__} and no tensor", remedy=_REMEDY)
        if value.is_complex():
            raise DataError(f"{source}: {name} is complex", remedy=_REMEDY)
        if value.dtype not in _TYPES:
            raise DataError(f"{source}: {name} is of the type {value.dtype}, which no network here has", remedy=_REMEDY)
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise DataError(f"{source}: {name} has values that are not finite (NaN or infinite)", remedy=_REMEDY)


def give_weights(network: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Put weights into a network that must have exactly these, of these shapes.

    Raises:
        DataError: they are of another network.
    """
    own = network.state_dict()
    odd = [name for name in {**own, **state} if name not in own or name not in state]
    if odd:
        where = "the network lacks" if odd[0] in state else "the file lacks"
        raise DataError(f"{source} is of another network: {where} {odd[0]}", remedy="give the configuration it was made with")
    for name, value in state.items():
        if value.shape != own[name].shape or value.is_floating_point() != own[name].is_floating_point():
            what = f"{source} is of another network: {name} is {_kind(value)} there, {_kind(own[name])} here"
            raise DataError(what, remedy="give the configuration it was made with")
    network.load_state_dict(dict(state))


def _kind(value: Tensor) -> str:
    return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
