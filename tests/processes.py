"""Programs run by a copy of this process, which need not import everything again."""

import os
import runpy
import socket
import sys
import tempfile
import traceback
from pathlib import Path
from subprocess import CompletedProcess


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_module(name, *arguments, cwd="."):
    """What ``python -m name arguments`` in the folder ``cwd`` returns and prints."""

    def program():
        sys.argv = [name, *map(str, arguments)]
        runpy.run_module(name, run_name="__main__")

    return run_program(program, cwd)


def run_code(code, cwd="."):
    """What ``python -c code`` in the folder ``cwd`` returns and prints."""
    return run_program(lambda: exec(compile(code, "<code>", "exec"), {"__name__": "__main__"}), cwd)


def run_program(program, cwd="."):
    """Calls a function in a child, as if it were a program of its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryDirectory() as folder:
        printed = [Path(folder, name) for name in ("stdout", "stderr")]
        child = os.fork()
        if child == 0:
            _become(program, cwd, printed)
        _, status = os.waitpid(child, 0)
        return CompletedProcess([], os.waitstatus_to_exitcode(status), *(path.read_text() for path in printed))


def _become(program, cwd, printed):
    code = 1
    try:
        for number, path in enumerate(printed, start=1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        sys.excepthook = sys.__excepthook__
        os.chdir(cwd)
        code = _call(program)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001
        traceback.print_exc(file=open(2, "w", closefd=False))  # noqa: SIM115
    finally:
        os._exit(code)


def _call(program):
    """The exit status."""
    try:
        program()
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(end.code + "\n")
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001
        sys.excepthook(*sys.exc_info())
        return 1
    return 0
