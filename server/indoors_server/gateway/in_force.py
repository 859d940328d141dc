"""The policy of this process: read again where a file changed, and never wider than it was.

It begins with what the launcher gave it, which has seen the policy since the server began: what
became wider since does not count, however often the gateway is started. The workspace's own file
is not read here, since no file of a project can be opened; the server asks about that first.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from indoors_server import policy, policy_state
from indoors_server.policy.decision import Policy
from indoors_server.policy.guard import Guard

_MAX_BYTES = 16 * 1024 * 1024


class InForce:
    """Holds the policy. From one thread."""

    def __init__(self, since: Policy, load: Callable[[], Policy] = policy.load) -> None:
        self._load = load
        self._guard = Guard(since)
        self._seen: policy_state.State | None = None

    def policy(self) -> Policy:
        """What counts now."""
        seen = policy_state.state()
        if seen != self._seen:
            self._guard.offer(self._load())
            self._seen = seen
        return self._guard.policy


def given(descriptor: int) -> Policy:
    """What the launcher wrote into `descriptor`, which is closed. Raises ValueError or OSError."""
    with os.fdopen(descriptor, "rb") as stream:
        stream.seek(0)
        return msgspec.json.decode(stream.read(_MAX_BYTES), type=Policy)
