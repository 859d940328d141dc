"""The policy of this process: read again where a file changed, and never wider than it was.

It begins with what the launcher gave it, which has seen the policy since the server began: what
became wider since does not count, however often the gateway is started. The workspace's own file
is not read here, since no file of a project can be opened; the server asks about that first.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from indoors_server import policy, prelaunch
from indoors_server.policy.decision import Policy
from indoors_server.policy.guard import Guard

_MAX_BYTES = 16 * 1024 * 1024
_State = tuple[tuple[int, ...] | None, ...]


class InForce:
    """Holds the policy. From one thread."""

    def __init__(self, since: Policy, load: Callable[[], Policy] = policy.load) -> None:
        self._load = load
        self._guard = Guard(since)
        self._seen: _State | None = None

    def policy(self) -> Policy:
        """What counts now."""
        seen = _files()
        if seen != self._seen:
            self._guard.offer(self._load())
            self._seen = seen
        return self._guard.policy


def given(descriptor: int) -> Policy:
    """What the launcher wrote into `descriptor`, which is closed. Raises ValueError or OSError."""
    with os.fdopen(descriptor, "rb") as stream:
        stream.seek(0)
        return msgspec.json.decode(stream.read(_MAX_BYTES), type=Policy)


def _files() -> _State:
    """What tells that a file was changed or replaced; the folders, that one was added."""
    files = prelaunch.policy_files()
    places = [*files, prelaunch.MACHINE_DIRECTORY, prelaunch.MACHINE_DIRECTORY / prelaunch.FOLDER]
    return tuple(_state(os.fspath(place)) for place in places)


def _state(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - asked for each request
    except OSError:
        return None
    return (
        found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns,
        found.st_mode, found.st_uid,
    )  # fmt: skip
