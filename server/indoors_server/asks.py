"""What an editor asks for, and what it is answered, in plain terms."""

from __future__ import annotations

from typing import Literal

import msgspec

from indoors_completion.types import Completion, CompletionRequest, SelectedCompletion, Span
from indoors_server.positions import Encoding
from indoors_server.session import Snapshot
from indoors_server.settings import Settings

# When a client that can ask again is answered, once the first line is there. Somebody who types is
# at the next key after 150 to 200 ms; the line should be seen before.
TARGET_MS = 120.0
# How many different answers a person gets who asks for one.
N_ANSWERS = 3


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


def request_of(
    ask: Ask, snapshot: Snapshot, settings: Settings, encoding: Encoding
) -> CompletionRequest:
    """What the core is asked for it, with offsets in the snapshot's text."""
    lines = snapshot.lines
    selected = None
    if ask.selected_text is not None:
        first, first_character, last, last_character = ask.selected_range
        one = lines.offset(first, first_character, encoding)
        two = lines.offset(last, last_character, encoding)
        selected = SelectedCompletion(ask.selected_text, Span(min(one, two), max(one, two)))
    return CompletionRequest(
        document=snapshot.document,
        offset=lines.offset(ask.line, ask.character, encoding),
        trigger=ask.trigger,
        selected=selected,
        deadline_ms=float(settings.deadline_ms),
        multiline=settings.multiline,
        max_lines=settings.max_lines,
        n_answers=N_ANSWERS if ask.channel == "inline" else 1,
    )


def described(completion: Completion, total_ms: float) -> str:
    """One line for a trace, without source text."""
    return (
        f"completion {completion.id}: {completion.source}, {total_ms:.0f} ms, "
        f"first token {completion.ttft_ms:.0f} ms, {completion.n_reused} reused, "
        f"moved {completion.n_moved}, stale {completion.n_stale}, "
        f"{completion.n_evaluated} evaluated, {completion.n_generated} generated, "
        f"stop {completion.stop_reason or '-'}, filter {completion.filtered_by or '-'}"
    )
