"""What /proc says about processes of ours (Linux): who lives, and what they hold."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


class Resources(NamedTuple):
    """What a process holds. `n_fds` is -1 where the kernel hides it from us."""

    rss_mb: float
    n_threads: int
    n_fds: int


def stat_fields(pid: int) -> list[str]:
    """The fields after the name: state, parent, group, session, …; empty if it is gone."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def is_alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    return stat_fields(pid)[:1] not in ([], ["Z"], ["X"])


def pids() -> list[int]:
    """Every process there is."""
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()]


def in_session(session: int) -> list[int]:
    """All living processes of a session (a process started with start_new_session leads one)."""
    return [pid for pid in pids() if stat_fields(pid)[3:4] == [str(session)] and is_alive(pid)]


def children_of(pid: int) -> dict[str, int]:
    """The living children of a server, by role (`worker`, `indexer`)."""
    found = {}
    for child in pids():
        if stat_fields(child)[1:2] == [str(pid)] and is_alive(child):
            arguments = (PROC / str(child) / "cmdline").read_bytes().split(b"\0")
            for role in ("worker", "indexer"):
                if role.encode() in arguments:
                    found[role] = child
    return found


def tree_of(pid: int) -> list[int]:
    """A process and all its living descendants."""
    parents = {other: stat_fields(other)[1:2] for other in pids()}
    found, new = [], [pid]
    while new:
        found += new
        new = [other for other, parent in parents.items() if parent and int(parent[0]) in new]
    return [one for one in found if is_alive(one)]


def role_of(pid: int) -> str:
    """What a process of ours was started as: serve, worker, indexer or maker; "" for others."""
    try:
        arguments = (PROC / str(pid) / "cmdline").read_bytes().decode().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    if "--maker" in arguments:
        return "maker"
    return next((role for role in ("serve", "worker", "indexer") if role in arguments), "")


def locks_of(pid: int) -> list[tuple[str, str]]:
    """(Seccomp, NoNewPrivs) of every task of a process: ("2", "1") where the filter is on."""
    found = []
    # A thread or a whole maker may end while it is looked at.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in (PROC / str(pid) / "task").iterdir():
            lines = (line.split(":", 1) for line in (task / "status").read_text().splitlines())
            fields = {name: value.strip() for name, value in lines}
            found.append((fields["Seccomp"], fields["NoNewPrivs"]))
    return found


def is_locked(pid: int) -> bool:
    """Whether every task of a process and of all its descendants is under the filter.

    A process that has only just been made is not, for some milliseconds: ask again.
    """
    return {lock for one in tree_of(pid) for lock in locks_of(one)} == {("2", "1")}


def resources(pid: int) -> Resources:
    """Memory, threads and descriptors of a process."""
    fields = dict(
        line.split(":", 1) for line in (PROC / str(pid) / "status").read_text().splitlines()
    )
    try:
        n_fds = len(list((PROC / str(pid) / "fd").iterdir()))
    except PermissionError:
        n_fds = -1
    return Resources(int(fields["VmRSS"].split()[0]) / 1024, int(fields["Threads"]), n_fds)


def wait_until(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """Poll until `condition()`; AssertionError after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.02)


def servers_of(**variables: str) -> list[int]:
    """The servers that an editor started whose environment has these variables."""
    wanted = {f"{name}={value}".encode() for name, value in variables.items()}
    found = []
    for pid in pids():
        try:
            words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
            around = (PROC / str(pid) / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # it has gone, or is another's
        if words[1:5] == [b"-I", b"-m", b"indoors_server", b"serve"] and wanted <= set(around):
            found.append(pid)
    return found
