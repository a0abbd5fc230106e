"""The ``medtk`` command."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from typing import Any, NoReturn

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
    "model": "medtk_monai.cli.model:model",
    "new": "medtk_monai.cli.plan:new",
    "phantom": "medtk_monai.cli.phantom:phantom",
    "insert": "medtk_monai.cli.insert:insert",
    "plan": "medtk_monai.cli.plan:plan",
    "predict": "medtk_monai.cli.predict:predict",
    "report": "medtk_monai.cli.report:report",
    "sweep": "medtk_monai.cli.sweep:sweep",
}
"""Where each command's function lies. Its module imports what is heavy inside the function, so that help stays quick."""
GO_ON = ("crossval", "phantom", "predict")
"""Commands that take up what an interrupted one has left."""


def main() -> None:
    """Runs the command that ``sys.argv`` asks for; a DataError, or a disk that refuses, ends it with one line and exit code
    1, a mistyped command with 2, Ctrl-C with 130 and SIGTERM with 143."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name == "--version":
        from medtk_monai import __version__

        print(f"medtk {__version__}")
    elif {"-h", "--help"} & {name, *arguments}:
        _help(name)
        sys.exit(0)
    else:
        _run(name, arguments)


def _help(name: str) -> None:
    from medtk_monai import __version__
    from medtk_monai.cli.help import command_help, overview

    print(command_help(name, _load(name)) if name in COMMANDS else overview({name: _load(name) for name in COMMANDS}, __version__), end="")


def _load(name: str) -> Callable[..., Any]:
    module, function = COMMANDS[name].split(":")
    return getattr(import_module(module), function)


def _run(name: str, arguments: Sequence[str]) -> None:
    from medtk_monai.cli.mistakes import UsageError, no_command
    from medtk_monai.cli.terminal import ShownText
    from medtk_monai.cli.typed import parse
    from medtk_monai.cli.words import check_arguments
    from medtk_monai.errors import find_data_error, find_disk_error
    from medtk_monai.wording import shown

    previous = signal.signal(signal.SIGTERM, _terminate)
    try:
        if name not in COMMANDS:
            raise no_command(name, list(COMMANDS))
        call = parse(name, _load(name), arguments)
        check_arguments(call)
        with redirect_stdout(ShownText(sys.stdout)):
            result = call()
            if result is not None:
                print(result)
    except UsageError as mistake:
        sys.stderr.write(f"{mistake}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        _interrupted("interrupted", name, 128 + signal.SIGINT)
    except _Terminated:
        _interrupted("ended by SIGTERM", name, 128 + signal.SIGTERM)
    except Exception as error:
        cause = find_data_error(error) or find_disk_error(error)
        if cause is None:
            raise
        sys.exit(shown(f"error: {cause}", keep="\n"))
    finally:
        signal.signal(signal.SIGTERM, previous)


class _Terminated(BaseException):
    """This process has been asked to end."""


def _terminate(*_: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one ends it at once
    raise _Terminated


def _interrupted(how: str, name: str, status: int) -> NoReturn:
    """Ends with what to do, and the status that shells give to such a signal."""
    again = "what is done stays, and the same command goes on from there" if name in GO_ON else "the same command begins again"
    sys.stderr.write(f"\n{how}: {again}\n")
    sys.exit(status)
