"""Jobs in copies of this process, which has imported everything, and their ends."""

import os
import signal
import sys
import traceback
from pathlib import Path
from time import monotonic, sleep

STEP = 0.002
"""Seconds between two looks at a folder."""


def start(call, log):
    """The process that a function runs in, in a group of its own; what it prints goes to the end of a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, signal.SIG_DFL)
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(handle, stream)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        call()
        code = 0
    except SystemExit as end:
        sys.stderr.write(f"{end.code}\n" if isinstance(end.code, str) else "")
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(child, seconds=600.0):
    """The exit code of a process, negative for a signal; one that takes longer is killed."""
    end = monotonic() + seconds
    while monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        sleep(STEP)
    stop(child, signal.SIGKILL)
    return wait(child)


def stop(child, number):
    """Sends a signal: SIGKILL to the whole group, as the end of a machine would, others to the process alone."""
    try:
        (os.killpg if number == signal.SIGKILL else os.kill)(child, number)
    except ProcessLookupError:
        return


def stop_when(child, number, ready):
    """Sends a signal once ``ready()`` is true; whether that came to be before the process ended by itself."""
    while not ready():
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return False
        sleep(STEP)
    stop(child, number)
    return True


def leftovers(folder):
    """Files of a folder that a write has left unfinished."""
    names = ("*.tmp", "*.unfinished*", ".unfinished-*", ".medtk-*")
    return sorted({str(path.relative_to(folder)) for name in names for path in Path(folder).rglob(name)})
