"""What `indoors doctor` says of engines elsewhere; the checks of this machine are in `health`."""

from __future__ import annotations

from typing import Literal

import msgspec

from indoors_server import named_engines, settings
from indoors_server.health import Check

# What only the engine on this machine needs.
_OF_LOCAL = ("compiler", "engine", "card", "model")


def beside(checks: list[Check]) -> list[Check]:
    """The checks, and one for each engine elsewhere that the person's rules name. Where the rules
    leave nothing to the engine here, what it lacks is no error.
    """
    rules = settings.resolve(settings.user_layer()).engine_rules
    engines = named_engines.named(rules)
    if not named_engines.needs_local(rules, engines):
        checks = [_spare(one) for one in checks]
    return [*checks, *map(_check, engines)]


def _spare(check: Check) -> Check:
    if check.name not in _OF_LOCAL or check.state == "ok":
        return check
    text = f"{check.text} (no rule uses the engine here)"
    return msgspec.structs.replace(check, state="ok", text=text, next_step="")


def _check(one: named_engines.Named) -> Check:
    is_bad = one.state in ("refused", "wrong")
    state: Literal["ok", "warning"] = "warning" if is_bad else "ok"
    text, _, step = one.text.partition(". Next: ")
    step = step or (f"indoors engines check {one.name}" if is_bad else "")
    return Check(name="elsewhere", state=state, text=text, next_step=step)
