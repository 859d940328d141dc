"""What an editor asks for, and what it is answered, in plain terms."""

from __future__ import annotations

from typing import Literal

import msgspec

from indoors_completion.types import Completion
from indoors_server.session import Snapshot


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A request for a completion, positions in client units."""

    uri: str
    line: int
    character: int
    trigger: Literal["automatic", "explicit"]
    selected_text: str | None = None
    selected_range: tuple[int, int, int, int] = (0, 0, 0, 0)
    channel: str = "inline"


class Answer(msgspec.Struct, frozen=True):
    """A completion that is not empty, and the snapshot its span refers to."""

    snapshot: Snapshot
    completion: Completion
