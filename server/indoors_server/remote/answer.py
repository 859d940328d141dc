"""Pieces of text as a server sends them, to what the reader of an engine sees.

Servers differ in which stops they take and whether they show them, and none of them knows "the
first line end behind something visible". So all of it is seen to here once more, whatever was asked
of the server: a stop that it missed costs a few tokens, not a wrong answer.
"""

from __future__ import annotations

import math

from indoors_completion.engine.sampling import Emission, TextStream
from indoors_completion.types import Job, TokenChunk

# No vocabulary of a code model has tokens longer than this on average, over a whole answer.
_MOST_CHARACTERS_A_TOKEN = 32


class Answer:
    """Feed it pieces and give on what it returns; nothing more is wanted once it is `stopped`.

    `begin` is what an answer has to spell first and does not count; one that begins otherwise ends
    at once, as nothing.
    """

    def __init__(self, job: Job, begin: str = "") -> None:
        self._stream = TextStream(job.stops, job.stop_at_newline)
        self._left = max(1, job.max_tokens) * _MOST_CHARACTERS_A_TOKEN
        self._begin = begin
        self.stopped = ""

    def feed(self, text: str, logprobs: tuple[float, ...] = ()) -> list[TokenChunk]:
        """Take a piece; what may be given on now."""
        if self.stopped:
            return []
        text = self._without_begin(text)
        if self.stopped or not text:
            return []
        is_too_long, text = len(text) > self._left, text[: self._left]
        self._left -= len(text)
        said = [min(0.0, one) for one in logprobs if math.isfinite(one)]
        emissions = [self._stream.feed(b"", one) for one in said[1:]]
        # A piece without a probability is one of which nothing is said: 0 would be certainty.
        emissions.append(
            self._stream.feed(text.encode("utf-8", "replace"), said[0] if said else math.nan)
        )
        self.stopped = self._stream.stopped or ("length" if is_too_long else "")
        return _chunks(emissions)

    def end(self) -> list[TokenChunk]:
        """The server said that this is all: what was held back."""
        return [] if self.stopped else _chunks([self._stream.flush()])

    def _without_begin(self, text: str) -> str:
        """What of a piece is behind the beginning that was asked for."""
        if not self._begin:
            return text
        if self._begin.startswith(text):
            self._begin = self._begin[len(text) :]
            return ""
        if text.startswith(self._begin):
            rest, self._begin = text[len(self._begin) :], ""
            return rest
        self.stopped = "eos"
        return ""


def _chunks(emissions: list[Emission | None]) -> list[TokenChunk]:
    return [
        TokenChunk(text=one.text, logprobs=tuple(lp for lp in one.logprobs if not math.isnan(lp)))
        for one in emissions
        if one is not None
    ]
