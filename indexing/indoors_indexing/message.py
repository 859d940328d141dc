"""What every message between the server and the indexer carries."""

from __future__ import annotations

import msgspec

PROTOCOL_VERSION = 2


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", forbid_unknown_fields=True):
    """One frame: the protocol's version and a request id, 0 where no answer is expected."""

    v: int = PROTOCOL_VERSION
    request: int = 0
