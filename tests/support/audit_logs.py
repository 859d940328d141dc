"""Audit logs for tests: a small one, its lines, and a check that says where it breaks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from indoors_server import audit_check
from indoors_server.audit import Log
from indoors_server.audit_check import Anchor
from support import audit_child

FILE = "audit.jsonl"


def small(directory: Path, n: int = 6) -> Log:
    """A log with `n` records, each a second after the one before."""
    times = iter(range(1_700_000_000, 1_700_000_000 + 10_000))
    log = Log.open(directory, clock=lambda: float(next(times)))
    for number in range(1, n + 1):
        log.append(
            event="refused" if number % 2 else "sent",
            kind="closed",
            host="models.example",
            size=number * 100,
            body_sha256=f"{number:064x}",
            path=f"/home/someone/été/{number}.py",
            decision="deny" if number % 2 else "allow",
            reason=f"a reason: “{number}”",
        )
    return log


def lines(directory: Path) -> list[bytes]:
    """The lines of the log, each with its newline."""
    return (directory / FILE).read_bytes().splitlines(keepends=True)


def change(directory: Path, how: Callable[[list[bytes]], list[bytes]]) -> None:
    """Write the log anew, as somebody would who can write to it and does not have the key."""
    (directory / FILE).write_bytes(b"".join(how(lines(directory))))


def breaks_at(directory: Path, anchor: Anchor | None = None) -> int | None:
    """Where the chain breaks; None if it is whole."""
    verdict = audit_check.verify(directory, anchor)
    assert verdict.ok == (verdict.first_bad_seq is None) == (verdict.problem == "")
    return verdict.first_bad_seq


def start(
    directory: Path, name: str, count: int, *, limit: int = 0, slow: bool = False
) -> subprocess.Popen[str]:
    """A process that appends `count` records (0: until it is killed), see audit_child.py."""
    arguments = [str(directory), name, str(count), str(limit), str(int(slow))]
    return subprocess.Popen(
        [sys.executable, audit_child.__file__, *arguments], stdout=subprocess.PIPE, text=True
    )
