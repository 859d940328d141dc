"""The kernel lock-down of our processes."""

from __future__ import annotations

from typing import Literal, NamedTuple


class LockState(NamedTuple):
    """How far the kernel enforces "no code leaves this machine" for this process."""

    state: Literal["enforced", "network enforced, files not", "unproven"]
    mechanism: str
    reason: str


_state = LockState("unproven", "none", "not applied yet")


def apply(role: str) -> LockState:
    """Lock this process down for `role` and return the state reached."""
    return _state


def state() -> LockState:
    """The state that `apply` reached in this process."""
    return _state
