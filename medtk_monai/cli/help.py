"""What ``--help`` shows: every argument and option of a command with its kind and its help."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from inspect import Parameter, getdoc, signature
from shutil import get_terminal_size
from textwrap import fill
from types import NoneType
from typing import Any

from medtk_monai.cli.options.declare import groups_of, helps
from medtk_monai.cli.options.kinds import Existing, Named, OneOf, checks_of, kinds_of, shown

_WIDEST = 110
_KINDS = {int: "N", float: "NUMBER", str: "TEXT", Any: "VALUE"}


def command_help(name: str, command: Callable[..., Any]) -> str:
    """The whole help of a command."""
    told, shape = helps(command), signature(command, eval_str=True)
    first, _, rest = _prose(command).partition("\n\n")
    positional = [part for part in shape.parameters.values() if _is_argument(part)]
    grouped = {part.name: kind for kind in groups_of(command) for part in fields(kind)}
    own = [part for part in shape.parameters.values() if _is_option(part) and part.name not in grouped]
    blocks = [_filled(f"medtk {name} - {first}"), usage(name, command), *([_filled(rest)] if rest else [])]
    if positional:
        blocks.append(_block("arguments", [(_place(part), _about(part, told)) for part in positional]))
    if own:
        blocks.append(_block("options", [(_typed(part), _about(part, told)) for part in own]))
    for kind in groups_of(command):
        rows = [(_typed(shape.parameters[part.name]), _about(shape.parameters[part.name], told)) for part in fields(kind)]
        blocks.append(_block(_first_line(kind).rstrip(".").lower(), rows))
    rest_of = [part for part in shape.parameters.values() if part.kind is Parameter.VAR_KEYWORD]
    blocks += [_block("any other option", [("--NAME VALUE", told[part.name].rstrip("."))]) for part in rest_of]
    return "\n\n".join(blocks) + "\n"


def overview(commands: Mapping[str, Callable[..., Any]], version: str) -> str:
    """All commands, one line each."""
    lines = [f"medtk {version} - find small objects in medical images", "", "usage: medtk COMMAND [arguments] [--option VALUE ...]", ""]
    width = max(map(len, commands))
    room = _width() - width - 4
    lines += [f"  {name:<{width}}  {_cut(_first_line(command), room)}" for name, command in commands.items()]
    return "\n".join([*lines, "", "medtk COMMAND --help tells of one command, medtk --version of this program.", ""])


def usage(name: str, command: Callable[..., Any]) -> str:
    """One line that shows how a command is typed."""
    parts = signature(command, eval_str=True).parameters.values()
    places = [_place(part) for part in parts if _is_argument(part)]
    needed = [_typed(part) for part in parts if _is_option(part) and part.default is Parameter.empty]
    return " ".join([f"usage: medtk {name}", *places, *needed, "[--option VALUE ...]"])


def _prose(command: Callable[..., Any]) -> str:
    """The docstring without the sections on arguments, results and errors."""
    text = getdoc(command) or ""
    for section in ("\n\nArgs:", "\n\nReturns:", "\n\nRaises:"):
        text = text.partition(section)[0]
    return text


def _first_line(thing: Any) -> str:
    return (getdoc(thing) or "").partition("\n")[0]


def _cut(line: str, room: int) -> str:
    """As much of a sentence as there is room for, up to a pause."""
    ends = [place for place, sign in enumerate(line[:room]) if sign in ".,;:"]
    return line.rstrip(".") if len(line) <= room + 1 else line[: max(ends, default=room)]


def _is_argument(part: Parameter) -> bool:
    """Whether a parameter is shown as one that goes by its place: what is needed, and files."""
    if part.kind is not Parameter.POSITIONAL_OR_KEYWORD:
        return part.kind is Parameter.VAR_POSITIONAL
    return part.default is Parameter.empty or any(isinstance(check, Existing | Named) for check in checks_of(part.annotation))


def _is_option(part: Parameter) -> bool:
    return part.kind is not Parameter.VAR_KEYWORD and not _is_argument(part)


def _place(part: Parameter) -> str:
    """An argument as it is shown."""
    if part.kind is Parameter.VAR_POSITIONAL:
        return f"{part.name.upper()}..."
    return part.name.upper() if part.default is Parameter.empty else f"[{part.name.upper()}]"


def _typed(part: Parameter) -> str:
    value = kind_of_value(part.annotation)
    return f"--{part.name} {value}" if value else f"--{part.name}"


def kind_of_value(annotation: Any) -> str:
    """What is to be given to an option, in capitals or as a choice; nothing for a switch."""
    kinds = [kind for kind in kinds_of(annotation) if kind is not NoneType]
    for check in checks_of(annotation):
        if isinstance(check, OneOf):
            return f"{check},..." if Sequence[str] in kinds else str(check)
        if isinstance(check, Named):
            return check.kind
        if isinstance(check, Existing):
            what = "FILE" if check.kind == "file" else "PATH"
            return f"{what},..." if Sequence[str] in kinds else what
    if kinds == [bool]:
        return ""
    if Sequence[str] in kinds:
        return "WORD,..."
    if Sequence[float] in kinds:
        return "NUMBER,..."
    return _KINDS[next(kind for kind in kinds if kind is not bool)]


def _about(part: Parameter, told: Mapping[str, str]) -> str:
    """Help of an option, and its default where that says anything."""
    default = part.default
    says = default is not Parameter.empty and default is not None and not isinstance(default, bool) and default != () and default != ""
    return told.get(part.name, "").rstrip(".") + (f" [{shown(default)}]" if says else "")


def _block(heading: str, rows: Sequence[tuple[str, str]]) -> str:
    return "\n".join([f"{heading}:", *_rows(rows)])


def _rows(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    column = 32
    for name, text in rows:
        lead = f"  {name}"
        first = f"{lead:<{column}}" if len(lead) < column else f"{lead}\n{' ' * column}"
        lines = fill(text, _width(), initial_indent=" " * column, subsequent_indent=" " * column, break_on_hyphens=False)
        yield first + lines.lstrip() if text else first.rstrip()


def _filled(text: str) -> str:
    return "\n\n".join(fill(" ".join(part.split()), _width(), break_on_hyphens=False) for part in text.split("\n\n"))


def _width() -> int:
    return min(get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
