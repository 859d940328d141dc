"""Formatters for tests: real programs, each of which does one thing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from support.processes import PROC, pids

_MARK = f"a formatter of the test run {os.getpid()}"
_SLEEP = f"import time; time.sleep(600)  # {_MARK}"
_START = f"import subprocess; subprocess.Popen([sys.executable, '-c', {_SLEEP!r}])"

# What each does with the text that it is given.
KINDS = {
    "blanks": "say(text.replace('total=', 'total = '))",
    "nothing": "pass",
    "fails": "say(text); sys.exit(2)",
    "crashes": "os.kill(os.getpid(), 11)",
    "hangs": f"{_START}; time.sleep(600)",
    "leaves": f"{_START}; say(text.replace('total=', 'total = '))",
    "waits": "time.sleep(0.3); say(text.replace('total=', 'total = '))",
    "floods": "\nwhile True: say('x' * 100_000)",
    "bytes": "sys.stdout.buffer.write(b'\\xff\\xfe' + text.encode())",
    "zero": "say(text + '\\0')",
    "hidden": "say(text.replace('total=2', 'total = \\u20602'))",
    "breaks": "say(text.replace('return', 'return ('))",
    "renames": "say(text.replace('area', 'surface'))",
    "unfinished": "say(text[: text.index('return')])",
    "next_line": "say(text.replace('total=', 'total = ').replace('LAST = 1', 'LAST = 2'))",
    "last_line": "say(text.replace('total=', 'total = ').replace('OTHER = 1', 'OTHER = 2'))",
    "line_feeds": "say(text.replace('\\r', '').replace('total=', 'total = '))",
    "everything": "say('\\n'.join(line + '  #' for line in text.split('\\n')))",
}


def write(folder: Path, kind: str) -> list[str]:
    """A formatter as a script in a folder, as settings name it."""
    script = folder / f"{kind}.py"
    script.write_text(
        f"# {_MARK}\n"
        "import os, sys, time\n"
        "text = sys.stdin.buffer.read().decode()\n"
        "def say(text):\n"
        "    sys.stdout.buffer.write(text.encode())\n"
        f"{KINDS[kind]}\n"
    )
    return [sys.executable, "-I", str(script), _MARK]


def started() -> list[int]:
    """The processes that formatters of a test are, or have started, as far as they still live."""
    found = []
    for pid in pids():
        try:
            said = (PROC / str(pid) / "cmdline").read_bytes()
        except OSError:
            continue
        if _MARK.encode() in said and b"--run=" not in said:
            found.append(pid)
    return found
