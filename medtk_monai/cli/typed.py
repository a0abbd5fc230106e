"""From the words on a command line to the call of a command, by Fire."""

from __future__ import annotations

import sys
from ast import literal_eval
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from difflib import get_close_matches
from functools import partial
from inspect import Parameter, Signature, signature
from io import StringIO
from types import NoneType
from typing import Any

import fire
from fire.core import FireExit

from medtk_monai.cli.mistakes import missing, no_option, no_place
from medtk_monai.cli.options.kinds import kinds_of
from medtk_monai.cli.words import is_name, quote, read_arguments

RENAMED = {
    "analyze": {"format": "source_format"},
    "compare": {"format": "source_format"},
    "crossval": {"test": "predict_test", "checkpoint": "fold_checkpoint"},
    "evaluate": {"format": "source_format"},
    "fingerprint": {"figure": "picture"},
    "import": {"format": "layout"},
    "new": {"bundle": "template"},
    "plan": {"bundle": "template"},
    "predict": {"format": "formats", "score_threshold": "min_score", "top_k": "max_findings"},
    "report": {"format": "source_format", "run": "model"},
}
"""Options by their earlier names, which are understood: each word means one thing now."""
_NEARLY = 0.85
_MISSING: Any = object()
_TRUTHS = ("True", "False", "true", "false")


def parse(name: str, command: Callable[..., Any], arguments: Sequence[str]) -> partial[Any]:
    """The call of a command that some words ask for.

    Raises:
        UsageError: an option is not known, an argument is missing, or there are too many.
    """
    shape = signature(command, eval_str=True)
    words = [_renamed(name, word) for word in arguments]
    _check_names(name, command, shape, words)
    words = _with_values(shape, words)
    calls: list[partial[Any]] = []

    # Fire finds words too many after it has called a function, which hence only notes the call.
    def note(*args: Any, **options: Any) -> None:
        given = {key: value for key, value in options.items() if value is not _MISSING}
        calls.append(partial(command, *args, **given))

    optional = [part.replace(default=_MISSING) if _is_needed(part) else part for part in shape.parameters.values()]
    vars(note)["__signature__"] = Signature(optional)
    try:
        with redirect_stderr(StringIO()):
            fire.Fire(note, quote(words), name=f"medtk {name}")
    except FireExit as stop:
        raise no_place(_surplus(stop), name, command) from None
    args = calls[-1].args
    names = [part.name for part in shape.parameters.values() if part.kind is part.POSITIONAL_OR_KEYWORD]
    by_place = dict(zip(names, args))
    given = {key for key, value in by_place.items() if value is not _MISSING} | set(calls[-1].keywords)
    lacking = [part.name for part in shape.parameters.values() if _is_needed(part) and part.name not in given]
    if lacking:
        raise missing(lacking, name, command)
    return read_arguments(command, args, calls[-1].keywords)


def _is_needed(part: Parameter) -> bool:
    return part.default is part.empty and part.kind in (part.POSITIONAL_OR_KEYWORD, part.KEYWORD_ONLY)


def _check_names(name: str, command: Callable[..., Any], shape: Signature, words: Sequence[str]) -> None:
    takes_any = any(part.kind is part.VAR_KEYWORD for part in shape.parameters.values())
    known = list(shape.parameters)
    for word in words[: words.index("--")] if "--" in words else words:
        option = _option(word)
        if not is_name(word):
            continue
        if len(option) == 1 and sum(other.startswith(option) for other in known) != 1:  # Fire takes the one option of this letter
            raise no_option(option, name, command)
        if len(option) < 2 or "::" in word or option in known or option.removeprefix("no") in known:
            continue
        # Further values of a configuration are checked by it; what is nearly an option of the command is meant to be that.
        meant = [other for other in get_close_matches(option, known, 1, _NEARLY) if other != f"{option}s"]  # a suppressor is a value
        if not takes_any or meant:
            raise no_option(option, name, command)


def _with_values(shape: Signature, words: Sequence[str]) -> list[str]:
    """Words with a value for each switch that stands alone, or else Fire would take the next word for its value."""
    switches = {part.name for part in shape.parameters.values() if set(kinds_of(part.annotation)) <= {bool, NoneType}}
    alone = [
        is_name(word) and "=" not in word and _option(word) in switches and after not in _TRUTHS
        for word, after in zip(words, [*words[1:], ""])
    ]
    return [f"{word}=True" if is_alone else word for word, is_alone in zip(words, alone)]


def _option(word: str) -> str:
    """The name of the option that a word names."""
    return word.lstrip("-").partition("=")[0].replace("-", "_")


def _renamed(name: str, word: str) -> str:
    """A word, with an option's name of today in place of an earlier one."""
    new = RENAMED.get(name, {}).get(_option(word)) if is_name(word) else None
    if new is None:
        return word
    sys.stderr.write(f"note: --{_option(word)} is now --{new}\n")
    return f"--{new}" + "".join(word.partition("=")[1:])


def _surplus(stop: FireExit) -> str:
    """The word that Fire could not make use of."""
    told = str(stop.trace.elements[-1].ErrorAsStr()).partition(": ")[2]
    try:
        return str(literal_eval(told))
    except (ValueError, SyntaxError):
        return told
