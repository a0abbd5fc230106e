"""The one reader and writer of JSON, whoever wrote it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from medtk_monai.atomic import write_text_atomically
from medtk_monai.errors import DataError

AGAIN = "write the file again"
PairsHook = Callable[[list[tuple[str, Any]]], Any]


def read_json(
    path: str | os.PathLike, remedy: str = AGAIN, kind: type | None = None, pairs_hook: PairsHook | None = None, any_number: bool = False
) -> Any:
    """The content of a JSON file.

    Args:
        remedy: what a user can do about a file that is none.
        kind: what it must hold, such as dict; None for anything.
        pairs_hook: makes an object from its keys and values, for who wants to see keys that are there twice; by default a dictionary.
        any_number: NaN and Infinity, which JSON does not know, are taken: for who tells of which case they are.

    Raises:
        DataError: the file cannot be read, is no JSON, or holds something else.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}", remedy=remedy) from error
    return parse_json(content, str(path), remedy, kind, pairs_hook, any_number)


def parse_json(
    content: bytes,
    source: str,
    remedy: str = AGAIN,
    kind: type | None = None,
    pairs_hook: PairsHook | None = None,
    any_number: bool = False,
) -> Any:
    """The same from what lies elsewhere than in a file of its own, such as an archive; ``source`` names it in errors.

    Raises:
        DataError: it is no JSON, or holds something else.
    """
    constants = None if any_number else _refuse_constant
    try:
        found = json.loads(content.decode("utf-8-sig"), parse_constant=constants, object_pairs_hook=pairs_hook)
    except RecursionError as error:
        raise DataError(f"{source} is not a JSON file that can be read: it is nested too deeply", remedy=remedy) from error
    except ValueError as error:
        told = str(error) if content.strip() else "it is empty"
        raise DataError(f"{source} is not a JSON file that can be read: {told}".splitlines()[0], remedy=remedy) from error
    if kind is not None and not isinstance(found, kind):
        raise DataError(f"{source} holds {_NAMES.get(type(found), 'a number')}, not {_NAMES[kind]}", remedy=remedy)
    return found


_NAMES: dict[type, str] = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}


def _refuse_constant(name: str) -> float:
    raise ValueError(f"it contains {name}")


def write_json(path: str | os.PathLike, content: Any) -> None:
    """Write strict JSON; the file appears whole or not at all.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    write_text_atomically(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def as_json(values: Any, default: Callable[[Any], Any] | None = None) -> Any:
    """Values as they are when they come back from a file: lists in the place of tuples, text in that of numbers as keys.

    Args:
        default: what becomes of a value that JSON does not know; None refuses it.

    Raises:
        TypeError, ValueError, RecursionError: JSON cannot hold them.
    """
    return json.loads(json.dumps(values, default=default))
