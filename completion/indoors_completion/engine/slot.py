"""One slot of the KV cache (a document), and what is remembered of its last answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from indoors_completion.engine import splice
from indoors_completion.engine.anchor import Anchor


class Choice(NamedTuple):
    """A generated token and its log-probability (natural logarithm)."""

    token: int
    logprob: float


class Memo:
    """The last answer of a slot: so that the same prompt, asked again, costs next to nothing.

    `logits` is a copy of the row behind the prompt's last token (a ctypes array). `choices` are the
    tokens chosen so far, greedily and under the constraint to spell `begin` first.
    """

    def __init__(self, prompt: tuple[int, ...], logits: Any, begin: bytes) -> None:  # noqa: ANN401 - ctypes
        self.prompt = prompt
        self.logits = logits
        self.begin = begin
        self.choices: list[Choice] = []


class Parked:
    """A part of a suffix that waits in the parking sequence while tokens are put before it."""

    def __init__(self, tokens: list[int], start: int) -> None:
        self.tokens = tokens
        self.start = start  # the position of the first one


class Slot:
    """What one sequence holds: token number i at position i.

    `suffix` is where the movable part stands, as far as it is held, and `made_after` the tokens of
    the prefix that it was evaluated after (the oldest, if parts of it are of different age).
    `prefix_end` is that of the last prompt (`prompt.Prompt`).
    """

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self.tokens: list[int] = []
        self.suffix: tuple[int, int] | None = None
        self.made_after: tuple[int, ...] = ()
        self.prefix_end = 0
        self.parked: Parked | None = None
        self.memo: Memo | None = None
        self.anchor: Anchor | None = None
        self.shadow: Slot | None = None

    @property
    def n_cells(self) -> int:
        """The most cells that this slot can occupy; a shadow shares some of them."""
        own = len(self.tokens) + (len(self.parked.tokens) if self.parked else 0)
        return own + (self.shadow.n_cells if self.shadow else 0)

    def held_suffix(self) -> tuple[int, int]:
        """The span of the suffix tokens that are held; empty if there are none."""
        if self.suffix is None:
            return 0, 0
        start, end = self.suffix
        end = min(end, len(self.tokens))
        return (start, end) if start < end else (0, 0)

    def n_stale(self, prefix: Sequence[int]) -> int:
        """How stale the held suffix is for `prefix`; 0 if none is held."""
        start, end = self.held_suffix()
        return splice.n_stale(self.made_after, prefix) if start < end else 0
