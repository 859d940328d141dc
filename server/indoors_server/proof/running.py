"""The processes of ours that run now for this user, and whether each thread is under the filter.

Read from /proc: /proc/PID/status of a locked process is readable for everybody, unless /proc is
mounted so that it hides other processes (hidepid). Then nothing is said about them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

ROLES = ("serve", "worker", "indexer")
_LAUNCH_FORMS = (["-I", "-m", "indoors_server"], ["-m", "indoors_server"])
# A process that starts this moment has no filter yet.
_STARTING_SECONDS = 3.0
_LOOK_AGAIN_SECONDS = 0.1


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A process. `n_unlocked` of its `n_threads` have no filter, or may gain privileges."""

    pid: int
    role: str
    n_threads: int
    n_unlocked: int


class Census(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. Where `is_hidden`, there may be processes that cannot be seen."""

    processes: tuple[Running, ...]
    is_hidden: bool

    @property
    def unlocked(self) -> tuple[Running, ...]:
        """Those that are not under the filter, with all their threads."""
        return tuple(one for one in self.processes if one.n_unlocked)


def look(proc: Path = Path("/proc"), patience_s: float = _STARTING_SECONDS) -> Census:
    """Look at all processes; one that is not locked is looked at again before it counts."""
    until = time.monotonic() + patience_s
    while True:
        found = _find(proc)
        if not found.unlocked or time.monotonic() > until:
            return found
        time.sleep(_LOOK_AGAIN_SECONDS)


def role_of(arguments: Sequence[str]) -> str:
    """The role in a command line; "" if it is none of ours. The first word is the program."""
    words = list(arguments[1:])
    for form in _LAUNCH_FORMS:
        if words[: len(form)] == form:
            return _role(words[len(form) :])
    # The script that is installed as `indoors`, which Python runs.
    is_script = bool(words) and Path(words[0]).name == "indoors" and "python" in arguments[0]
    return _role(words[1:]) if is_script else ""


def _role(words: Sequence[str]) -> str:
    if not words or words[0] not in ROLES or "-h" in words or "--help" in words:
        return ""
    return words[0]


def _find(proc: Path) -> Census:
    # Of a /proc that hides processes, the first one tells: it is always there.
    is_hidden = not os.access(proc / "1" / "status", os.R_OK)
    processes = []
    for pid in _pids(proc):
        try:
            one = _look_at(proc / str(pid))
        except PermissionError:
            is_hidden = True
        except OSError:
            continue  # it has ended
        else:
            processes += [one] if one is not None else []
    return Census(processes=tuple(processes), is_hidden=is_hidden)


def _pids(proc: Path) -> list[int]:
    try:
        return sorted(int(entry.name) for entry in proc.iterdir() if entry.name.isdecimal())
    except OSError:
        return []


def _look_at(process: Path) -> Running | None:
    words = process.joinpath("cmdline").read_bytes().decode(errors="replace").split("\0")
    role = role_of(words)
    if not role or _status(process)["Uid"].split()[0] != str(os.getuid()):
        return None
    tasks = []
    for task in process.joinpath("task").iterdir():
        try:
            tasks.append(_status(task))
        except FileNotFoundError:
            continue  # a thread that has ended
    unlocked = [
        task for task in tasks if (task.get("Seccomp"), task.get("NoNewPrivs")) != ("2", "1")
    ]
    return Running(pid=int(process.name), role=role, n_threads=len(tasks), n_unlocked=len(unlocked))


def _status(task: Path) -> dict[str, str]:
    text = task.joinpath("status").read_text(encoding="utf-8", errors="replace")
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in pairs}
