"""Locked servers with a launcher, for tests: what launching_server.py is sent, and /proc."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.processes import is_alive, pids, stat_fields

# A script; imported it would run.
SERVER = str(Path(__file__).with_name("launching_server.py"))
ROOT = hasattr(os, "getuid") and os.getuid() == 0
# Root's capabilities pass many of the kernel's checks; most users of Indoors have none.
USERS = ["as it is", "without capabilities"] if ROOT else ["as it is"]
PR_SET_SECUREBITS, NO_ROOT = 28, 0b11


class Remote:
    """A server to which tests send code."""

    def __init__(self, process: subprocess.Popen[str], home: Path) -> None:
        self.process = process
        self.home = home

    def run(self, code: str) -> dict[str, object]:
        """Run `code` there; what it passed to say()."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(textwrap.dedent(code)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the server has ended"
        found = json.loads(answer)
        assert "error" not in found, found["error"]
        return found

    def policy(self, **values: object) -> None:
        """Write the person's policy, as an editor does: a new file in the place of the old one."""
        write_policy(self.home, **values)

    @property
    def launcher(self) -> int:
        return int(self.run("say(pid=outcome.process.pid)")["pid"])  # type: ignore[call-overload]


def write_policy(home: Path, **values: object) -> None:
    file = home / ".config/indoors/policy.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.write_text(json.dumps(values))
    new.replace(file)


@contextmanager
def server(
    home: Path, user: str = "as it is", mode: str = "onprem", **settings: object
) -> Iterator[Remote]:
    """A locked server whose user's policy has `mode` ("" for no policy)."""
    if mode:
        write_policy(home, mode=mode)
    libc = ctypes.CDLL(None)
    process = subprocess.Popen(
        [sys.executable, "-I", SERVER, json.dumps(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"HOME": str(home), "PATH": os.environ["PATH"], "SECRET": "of the server"},
        cwd=home,
        preexec_fn=None if user == "as it is" else lambda: libc.prctl(PR_SET_SECUREBITS, NO_ROOT),
    )
    try:
        yield Remote(process, home)
    finally:
        assert process.stdin
        with process:
            process.stdin.close()


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def children_of(pid: int) -> set[int]:
    """The living children of a process."""
    return {one for one in pids() if stat_fields(one)[1:2] == [str(pid)] and is_alive(one)}
