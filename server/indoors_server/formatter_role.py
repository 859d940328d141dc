"""The process that becomes a formatter: locked first, then the program is executed in its place.

The kernel's filter and Landlock's rules stay with the program and all that it starts. So it has no
network, whoever started it; it reads what its user can, because formatters have libraries and
settings of their own; and it writes in one empty folder, made for this run. Where the lock-down is
not proven no program is executed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys

from indoors_server import landlock, lockdown

# The exit status of shells for what could not be started.
NOT_STARTED = 127
_MOST_WRITTEN_BYTES = 64 * 1024 * 1024
_KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "XDG_CONFIG_HOME")
_PR_SET_PDEATHSIG = 1


def run(arguments: list[str]) -> int:
    """Become the program. Returns only if that was not possible."""
    parser = argparse.ArgumentParser(prog="indoors formatter")
    parser.add_argument("--folder", required=True, help="the only place that it writes in")
    parser.add_argument("--path", default="", help="the PATH that it gets")
    # One value, and not the rest of the command line: no argument of a stranger is taken for ours.
    parser.add_argument("--run", required=True, help="the program and its arguments, as JSON")
    # Obeyed before anything else is imported (__main__).
    parser.add_argument("--strict", action="store_true", help="end unless the lock-down is proven")
    options = parser.parse_args(arguments)
    if sys.platform != "linux" or lockdown.state().state == "unproven":
        return lockdown.refuse_to_run()
    command = [str(one) for one in json.loads(options.run)]
    try:
        _narrow(options.folder)
        os.chdir(options.folder)
        os.execve(command[0], command, _environment(options.folder, options.path))
    except (OSError, ValueError):
        return NOT_STARTED


def _narrow(folder: str) -> None:
    """What goes beyond the lock-down of all our processes."""
    import ctypes
    import resource

    # A group of its own, to be ended as one; and it ends with who started it.
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    landlock.restrict(landlock.Files(None, (folder, "/dev/null")))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_WRITTEN_BYTES, _MOST_WRITTEN_BYTES))


def _environment(folder: str, path: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, "PATH": path, "TMPDIR": folder, "XDG_CACHE_HOME": folder}
