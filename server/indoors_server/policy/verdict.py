"""What a policy answers when it is asked whether something may be done."""

from __future__ import annotations

from typing import Literal

import msgspec

from indoors_server.policy.layers import LayerName

# What is to be sent: an inline completion's prompt, or a refactoring that a person asked for.
SendKind = Literal["inline", "refactor"]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether something may be done; if not, why, in words for the person who is refused.

    `key` and `rule` are the key that decided and, for a list, its entry ("" if none);
    `layer` and `file` say who set it.
    """

    allowed: bool
    reason: str = ""
    key: str = ""
    rule: str = ""
    layer: LayerName = "default"
    file: str = ""

    def __bool__(self) -> bool:
        return self.allowed


ALLOWED = Verdict(allowed=True)
