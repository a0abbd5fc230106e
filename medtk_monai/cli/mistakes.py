"""What is told of commands that cannot be understood: what is wrong, and how the command is typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from inspect import signature
from typing import Any

from medtk_monai.cli.help import usage


class UsageError(Exception):
    """A command that was typed wrong, as two lines: what is wrong, and the usage."""


def no_command(name: str, commands: Sequence[str]) -> UsageError:
    """There is no such command."""
    return UsageError(
        f"error: no command {name}{_guess(name, commands)}\nusage: medtk COMMAND [arguments]; medtk --help lists the commands"
    )


def no_option(name: str, command: str, function: Callable[..., Any]) -> UsageError:
    """A command has no such option."""
    return _mistake(f"no option --{name}{_guess(name, list(signature(function).parameters), '--')}", command, function)


def no_place(word: str, command: str, function: Callable[..., Any]) -> UsageError:
    """A word that no argument takes."""
    return _mistake(f"no argument is left for {word!r} -- options are given by their names, as --name {word}", command, function)


def missing(names: Iterable[str], command: str, function: Callable[..., Any]) -> UsageError:
    """Arguments that are needed and not given."""
    names = [name.upper() for name in names]
    return _mistake(f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} missing", command, function)


def _mistake(what: str, command: str, function: Callable[..., Any]) -> UsageError:
    return UsageError(f"error: {what}\n{usage(command, function)}; medtk {command} --help tells more")


def _guess(name: str, known: Sequence[str], before: str = "") -> str:
    close = get_close_matches(name, known, n=1)
    return f" -- did you mean {before}{close[0]}?" if close else ""
