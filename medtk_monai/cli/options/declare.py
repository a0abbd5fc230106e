"""Groups of options: frozen dataclasses whose fields have help, and the commands that take them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, getdoc, signature
from typing import Any, get_type_hints

from fire.docstrings import parse

_ORDER = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.VAR_POSITIONAL, Parameter.KEYWORD_ONLY, Parameter.VAR_KEYWORD)


def option(default: Any, help: str) -> Any:  # noqa: A002
    """A field of a group of options.

    Args:
        default: what counts where the option is not given.
        help: what ``--help`` tells of it; the one place that does.
    """
    return field(default=default, metadata={"help": help})


def flat(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose groups of options are spread: it takes their fields as options of its own, by name.

    ``evaluate(predictions, truth, points: Points)`` becomes ``evaluate(predictions, truth, *, fp_per_case=1.0, ...)``.

    Raises:
        TypeError: two groups have an option of the same name.
    """
    shape = signature(command)
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hints[name] for name in shape.parameters if is_dataclass(hints[name])}
    spread = [parameter.replace(annotation=hints[name]) for name, parameter in shape.parameters.items() if name not in groups]
    for kind in groups.values():
        kinds = get_type_hints(kind, include_extras=True)
        spread += [Parameter(part.name, Parameter.KEYWORD_ONLY, default=part.default, annotation=kinds[part.name]) for part in fields(kind)]
    names = [parameter.name for parameter in spread]
    if len(set(names)) < len(names):
        raise TypeError(f"{command.__name__} has two options of one name: {', '.join(sorted(names))}")

    @wraps(command)
    def call(*args: Any, **options: Any) -> Any:
        made = {
            name: kind(**{part.name: options.pop(part.name) for part in fields(kind) if part.name in options})
            for name, kind in groups.items()
        }
        return command(*args, **options, **made)

    spread.sort(key=lambda parameter: _ORDER.index(parameter.kind))
    vars(call).update(__signature__=Signature(spread), groups=tuple(groups.values()))
    return call


def helps(command: Callable[..., Any]) -> dict[str, str]:
    """What is told of each option and argument of a command: by the fields of its groups, and by its docstring."""
    own = {part.name: " ".join(str(part.description).split()) for part in parse(getdoc(command) or "").args or []}
    return own | {part.name: part.metadata["help"] for kind in groups_of(command) for part in fields(kind)}


def groups_of(command: Callable[..., Any]) -> tuple[Any, ...]:
    """The groups of options that a command takes."""
    return getattr(command, "groups", ())
