"""The engines elsewhere that a person's rules name, as files and policy have them: none is asked.

For commands that say how this machine stands. A running server knows more (`elsewhere`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from indoors_server import endpoint_files, policy, router
from indoors_server.policy.decision import Policy
from indoors_server.router import KINDS, LOCAL, NONE, Kind, Rule


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """One engine: whether code may go to it, and why not if it may not."""

    name: str
    state: Literal["allowed", "refused", "closed", "wrong"]
    reason: str = ""
    kinds: tuple[Kind, ...] = KINDS

    @property
    def text(self) -> str:
        """In words, for one line."""
        said = {
            "allowed": "allowed by the policy",
            "closed": "a closed API, never chosen by a rule",
        }
        return f"{self.name}: {said.get(self.state, self.reason or self.state)}"


def named(rules: Sequence[Rule]) -> tuple[Named, ...]:
    """The engines that rules name, in their order."""
    if not rules:
        return ()
    found, allowed = endpoint_files.load(), policy.load()
    names = dict.fromkeys(name for rule in rules for name in rule.names)
    return tuple(_of(name, found, allowed) for name in names if name not in (LOCAL, NONE))


def needs_local(rules: Sequence[Rule], engines: Sequence[Named]) -> bool:
    """Whether the engine on this machine has anything to answer."""
    allowed = [one for one in engines if one.state == "allowed"]
    usable: dict[Kind, list[str]] = {
        kind: [one.name for one in allowed if kind in one.kinds] for kind in KINDS
    }
    return router.needs_local(rules, usable)


def _of(name: str, found: endpoint_files.Found, allowed: Policy) -> Named:
    one = found.endpoints.get(name)
    if one is None:
        told = [problem for problem in found.problems if f": {name}: " in problem]
        return Named(name=name, state="wrong", reason=told[0] if told else "not in engines.json")
    if endpoint_files.is_closed(one, allowed):
        return Named(name=name, state="closed")
    verdict = allowed.may_reach(endpoint_files.destination(one), "inline")
    if not verdict:
        return Named(name=name, state="refused", reason=verdict.reason)
    kinds: tuple[Kind, ...] = tuple(kind for kind in KINDS if not endpoint_files.cannot(one, kind))
    return Named(name=name, state="allowed", kinds=kinds)
