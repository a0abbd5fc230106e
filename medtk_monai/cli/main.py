"""The ``medtk`` command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial, wraps
from importlib import import_module
from typing import Any

import fire

from medtk_monai.cli.words import misread_number, quote, read_arguments

COMMANDS = {
    "analyze": "medtk_monai.cli.analyze:analyze",
    "audit": "medtk_monai.cli.audit:audit",
    "check": "medtk_monai.cli.check:check",
    "compare": "medtk_monai.cli.evaluate:compare",
    "convert": "medtk_monai.cli.convert:convert",
    "crossval": "medtk_monai.cli.crossval:crossval",
    "datalist": "medtk_monai.cli.datalist:make_datalist",
    "evaluate": "medtk_monai.cli.evaluate:evaluate",
    "export": "medtk_monai.cli.export:export",
    "fingerprint": "medtk_monai.cli.fingerprint:fingerprint",
    "import": "medtk_monai.cli.import_data:import_data",
    "new": "medtk_monai.cli.plan:new",
    "phantom": "medtk_monai.cli.phantom:phantom",
    "plan": "medtk_monai.cli.plan:plan",
    "predict": "medtk_monai.cli.predict:predict",
    "report": "medtk_monai.cli.report:report",
    "sweep": "medtk_monai.cli.sweep:sweep",
}
"""Where each command's function lies. Its module imports what is heavy inside the function, so that help stays quick."""


def main() -> None:
    """Runs the command that ``sys.argv`` asks for; a DataError ends it with one line and exit code 1."""
    # One known command needs its own module only.
    names = sys.argv[1:2] if sys.argv[1:2] and sys.argv[1] in COMMANDS else list(COMMANDS)
    calls: list[partial[Any]] = []
    # Commands that take any further values would take --help for one.
    rest = ["--", "--help"] if "--help" in sys.argv[2:] else quote(sys.argv[2:])
    command = [*sys.argv[1:2], *rest]
    fire.Fire({name: _deferred(_load(name), calls) for name in names}, command, name="medtk")
    for call in calls:
        _run(call)


def _load(name: str) -> Callable[..., Any]:
    module, function = COMMANDS[name].split(":")
    return getattr(import_module(module), function)


def _deferred(command: Callable[..., Any], calls: list[partial[Any]]) -> Callable[..., None]:
    """A stand-in for ``command`` that only notes the call: Fire finds unknown arguments after it has called a function."""

    @wraps(command)
    def note(*args: Any, **kwargs: Any) -> None:
        calls.append(read_arguments(command, args, kwargs))

    return note


def _run(call: partial[Any]) -> None:
    from medtk_monai.errors import find_data_error

    try:
        result = call()
    except Exception as error:
        # Commands check what they are given; what they overlook is told here.
        cause = find_data_error(error) or misread_number(call)
        if cause is None:
            raise
        sys.exit(f"error: {cause}")
    if result is not None:
        print(result)
