"""Running code that nobody has read: in a locked child, with limits, and nothing comes out of it.

    passes(program) -> the program ended without an error

The child has our own lock-down (no socket, no connection, `lockdown` proves it to itself) and reads
its libraries and an empty folder, which is all it can write in. Time, memory, file size and
processes are limited. Where the kernel cannot do this nothing is run and the benchmark ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile

RUN_TIMEOUT_S = 15
_NOT_LOCKED = 78  # EX_CONFIG of sysexits.h
# What the child does to itself before it reads the program from its stdin.
_CHILD = """
import os, resource, sys
from indoors_server import landlock, lockdown

folder = sys.argv[1]
read = [
    sys.prefix, sys.base_prefix, os.path.dirname(os.__file__), "/usr", "/lib", "/lib64",
    "/etc/ld.so.cache", "/dev/null", "/dev/urandom", "/proc/self", folder,
]
os.chdir(folder)
try:
    held = landlock.restrict(landlock.Files(read, (folder, "/dev/null", "/proc/self")))
except OSError:
    held = 0
if not held or lockdown.apply("cli").state == "unproven":
    sys.exit(78)
for name, value in (
    ("RLIMIT_CPU", 10), ("RLIMIT_AS", 1 << 30), ("RLIMIT_FSIZE", 1 << 20),
    ("RLIMIT_NOFILE", 32), ("RLIMIT_NPROC", 0), ("RLIMIT_CORE", 0),
):
    resource.setrlimit(getattr(resource, name), (value, value))
program = sys.stdin.buffer.read().decode()
exec(compile(program, "row", "exec"), {"__name__": "row"})
sys.stdout.flush()
os._exit(42)
"""
# Only who comes to the end of the program has it: an early sys.exit(0) is no pass.
_PASSED = 42


def passes(program: str) -> bool:
    """Whether a program comes to its end within the limits. Ends the benchmark where code cannot be
    locked in.
    """
    with tempfile.TemporaryDirectory() as folder:
        child = subprocess.Popen(
            [sys.executable, "-I", "-c", _CHILD, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={"HOME": folder},
            start_new_session=True,
        )
        try:
            child.communicate(program.encode("utf-8", "replace"), timeout=RUN_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _end(child)
    if child.returncode == _NOT_LOCKED:
        sys.exit("code cannot be locked in on this system, so none is run: indoors doctor")
    return child.returncode == _PASSED


def has_syntax_error(text: str) -> bool:
    """Whether Python refuses a text, without running it."""
    return not passes(f"compile({text!r}, 'row', 'exec', dont_inherit=True)")


def _end(child: subprocess.Popen[bytes]) -> None:
    """The child and whatever it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
