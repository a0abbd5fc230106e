"""Arguments as they are typed, and as commands get them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from types import NoneType
from typing import Any, get_args, get_type_hints

from fire.parser import DefaultParseValue

from medtk_monai.errors import DataError


def words(value: Any) -> list[str]:
    """The words of a list typed as ``a,b``, which may have come as a list already."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [str(word) for word in value]
    return [word for word in str(value).split(",") if word]


def numbers(value: Any, name: str) -> list[float]:
    """The numbers of a list typed as ``0.1,0.2``, or a single one.

    Args:
        name: of the argument, for errors.

    Raises:
        DataError: one is no number.
    """
    try:
        return [float(word) for word in words(value)]
    except ValueError as error:
        raise DataError(f"--{name}: {error}", remedy="give numbers, as 0.1,0.2") from error


def quote(arguments: Sequence[str]) -> list[str]:
    """Arguments that Fire passes on as text; without quotes it takes the folder ``1.10`` for the number 1.1.

    Names of arguments, Fire's separator "-", and what follows "--" for Fire itself stay as they are.
    """
    end = len(arguments) - 1 - arguments[::-1].index("--") if "--" in arguments else len(arguments)
    return [_quote(word) for word in arguments[:end]] + list(arguments[end:])


def _quote(word: str) -> str:
    name, equals, text = word.partition("=")
    if re.match("--|-[a-zA-Z]", word):
        return f"{name}={text!r}" if equals else word
    return word if word == "-" else repr(word)


def read_arguments(command: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> partial[Any]:
    """A call of a command with texts turned into what its annotations ask for.

    Words (str) stay as they are, and so do the members of lists of words (Sequence[str]); everything else, such as further values of a
    configuration, is what Fire makes of it: numbers, lists, or text.
    """
    call, hints = inspect.signature(command).bind(*args, **kwargs), get_type_hints(command)
    for name, value in call.arguments.items():
        kinds = get_args(hints[name]) or (hints[name],)
        parameter = call.signature.parameters[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            call.arguments[name] = tuple(_read(text, kinds) for text in value)
        elif parameter.kind is parameter.VAR_KEYWORD:
            call.arguments[name] = {key: _read(text, kinds) for key, text in value.items()}
        else:
            call.arguments[name] = _read(value, kinds)
    return partial(command, *call.args, **call.kwargs)


def misread_number(call: partial[Any]) -> DataError | None:
    """What is wrong with a call's arguments, if a word stands for a number or a fraction for a whole one; None otherwise."""
    hints = get_type_hints(call.func)
    for name, value in inspect.signature(call.func).bind(*call.args, **call.keywords).arguments.items():
        kinds = get_args(hints[name]) or (hints[name],)
        is_odd = isinstance(value, str) or (isinstance(value, float) and float not in kinds)
        if is_odd and set(kinds) <= {int, float, bool, NoneType}:
            wanted = "a number" if float in kinds else "a whole number" if int in kinds else "True or False"
            return DataError(f"--{name} is {value}", remedy=f"give {wanted}")
    return None


def _read(text: Any, kinds: Sequence[Any]) -> Any:
    """A value of one of some kinds; defaults are no texts, or words."""
    if not isinstance(text, str):
        return text
    found = DefaultParseValue(text)
    if str not in kinds:
        return found
    if isinstance(found, list | tuple) and Sequence[str] in kinds:
        return found if all(isinstance(word, str) for word in found) else _split(text)
    is_other = isinstance(found, tuple(kind for kind in (int, float, bool, NoneType) if kind in kinds))
    return found if is_other else text


def _split(text: str) -> list[str]:
    """The words of a list some of which would become numbers."""
    return [word.strip(" '\"") for word in text.strip("[]() ").split(",") if word.strip()]


def above_zero(name: str, value: Any, remedy: str) -> None:
    """Refuse what is no number above 0; None is left to the caller.

    Raises:
        DataError: it is none.
    """
    from medtk_monai.errors import DataError

    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < inf):
        raise DataError(f"--{name} is {value}", remedy=f"give {remedy}")
