"""Arguments as they are typed, and as commands get them: what Fire guesses is undone where a word was meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from inspect import signature
from types import NoneType
from typing import Any

from fire.parser import DefaultParseValue

from medtk_monai.cli.options.kinds import check_value, kinds_of


def quote(arguments: Sequence[str]) -> list[str]:
    """Arguments that Fire passes on as text; without quotes it takes the folder ``1.10`` for the number 1.1.

    Names of arguments, Fire's separator "-", and what follows "--" for Fire itself stay as they are.
    """
    end = len(arguments) - 1 - arguments[::-1].index("--") if "--" in arguments else len(arguments)
    return [_quote(word) for word in arguments[:end]] + list(arguments[end:])


def _quote(word: str) -> str:
    name, equals, text = word.partition("=")
    if is_name(word):
        return f"{name}={text!r}" if equals else word
    return word if word == "-" else repr(word)


def is_name(word: str) -> bool:
    """Whether a word names an option, with or without its value."""
    return re.match("--|-[a-zA-Z]", word) is not None


def read_arguments(command: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> partial[Any]:
    """A call of a command with texts turned into what its annotations ask for.

    Words (str) stay as they are, and so do the members of lists of words (Sequence[str]); everything else, such as further values of a
    configuration, is what Fire makes of it: numbers, lists, or text.
    """
    call = signature(command, eval_str=True).bind(*args, **kwargs)
    for name, value in call.arguments.items():
        parameter = call.signature.parameters[name]
        kinds = kinds_of(parameter.annotation)
        if parameter.kind is parameter.VAR_POSITIONAL:
            call.arguments[name] = tuple(_read(text, kinds) for text in value)
        elif parameter.kind is parameter.VAR_KEYWORD:
            call.arguments[name] = {key: _read(text, kinds) for key, text in value.items()}
        else:
            call.arguments[name] = _read(value, kinds)
    return partial(command, *call.args, **call.kwargs)


def check_arguments(call: partial[Any]) -> None:
    """Refuse what is wrong with a call by its arguments alone.

    Raises:
        DataError: a number is none or out of range, a file is not there, or a word is not known.
    """
    shape = signature(call.func, eval_str=True)
    bound = shape.bind(*call.args, **call.keywords)
    bound.apply_defaults()  # a file that is meant unless another is named may be missing, too
    for name, value in bound.arguments.items():
        parameter = shape.parameters[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            for part in value:
                check_value(name, part, parameter.annotation)
        elif parameter.kind is not parameter.VAR_KEYWORD:
            check_value(name, value, parameter.annotation)


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
