"""The policy in force: what is narrower counts at once, what is wider waits for a restart.

A process that was started under a policy has descriptors, children and a kernel filter of that
policy, so a wider one cannot be had in place; and an attack that changes a file while everybody
works must not take effect unseen.
"""

from __future__ import annotations

import threading

import msgspec

from indoors_server.policy.decision import Origin, Policy, widened
from indoors_server.policy.table import TABLE, Key, combine


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an offered policy: the keys that count now, and those that need a restart."""

    policy: Policy
    narrowed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """What to tell a person, "" if nothing changed."""
        now = f"The policy is narrower now: {', '.join(self.narrowed)}." if self.narrowed else ""
        keys = ", ".join(self.waiting)
        later = f"Restart the server to use the wider policy: {keys}." if keys else ""
        return f"{now} {later}".strip()


class Guard:
    """Holds the policy in force, which never allows more than it did. For any thread."""

    def __init__(self, policy: Policy) -> None:
        self._lock = threading.Lock()
        self._policy = policy

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._policy

    def offer(self, new: Policy) -> Offer:
        """Take of `new` what is narrower; its problems replace those known so far."""
        with self._lock:
            old = self._policy
            self._policy = both(old, new)
            narrowed = tuple(
                key.name for key in TABLE if self._policy.values[key.name] != old.values[key.name]
            )
            return Offer(policy=self._policy, narrowed=narrowed, waiting=widened(new, old))


def both(old: Policy, new: Policy) -> Policy:
    """What both policies allow, with the problems of `new`."""
    values = {k.name: combine(k, [old.values[k.name], new.values[k.name]]) for k in TABLE}
    origins = [o for key in TABLE for o in _origins(key, values[key.name], old, new)]
    return Policy(**values, origins=tuple(origins), problems=new.problems)


def _origins(key: Key, value: object, old: Policy, new: Policy) -> list[Origin]:
    decided = old if value == old.values[key.name] else new
    found = [decided.origin(key.name)]
    for item in value if isinstance(value, tuple) else ():
        found.append((old if item in old.values[key.name] else new).origin(key.name, item))
    return found
