"""What came of the battery, as values. Pure, and importable on every system."""

from __future__ import annotations

from typing import Literal

import msgspec

from indoors_server.proof.lines import ESSENTIAL

ROLES = ("serve", "worker", "indexer")

# Outcomes that are neither an errno nor a signal. One that begins with UNTRIED is no attempt: what
# it takes is not there, and the rest says why.
REACHED, NO_ANSWER, UNTRIED = "reached", "no answer", "untried: "

# refused          succeeds without the lock-down, refused under it
# reached          succeeds under the lock-down
# unclear          succeeds without, and ends under it in another way than the lock-down's
# not shown        does not succeed without the lock-down either, so a refusal proves nothing
# not restricted   nothing is promised about it for this role
Finding = Literal["refused", "reached", "unclear", "not shown", "not restricted"]


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A way, how it ended without the lock-down, and for each role how it ended and the verdict."""

    name: str
    line: str
    control: str
    outcomes: dict[str, str]
    verdicts: dict[str, Finding]


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """What a child that was locked as a role said of itself, as `lockdown.LockState`."""

    state: str = "unproven"
    mechanism: str = "none"
    reason: str = NO_ANSWER
    landlock: int = 0
    claims: tuple[str, ...] = ("network",)


class Battery(msgspec.Struct, frozen=True, kw_only=True):
    """All that was tried. Both are empty where this system has no lock-down to try."""

    roles: dict[str, Role]
    tried: tuple[Tried, ...]

    @property
    def is_enforced(self) -> bool:
        """Whether any role got a filter."""
        return any(role.mechanism != "none" for role in self.roles.values())

    @property
    def failures(self) -> tuple[tuple[str, Tried], ...]:
        """(role, way) of all that was reached, or not refused as it should be."""
        return tuple(
            (role, way)
            for way in self.tried
            for role, verdict in way.verdicts.items()
            if verdict in ("reached", "unclear")
        )

    @property
    def shows_a_network(self) -> bool:
        """Whether the ways to the internet opened without the lock-down: else nothing is proven."""
        opened = {way.line for way in self.tried if way.control == REACHED}
        return opened.issuperset(ESSENTIAL)
