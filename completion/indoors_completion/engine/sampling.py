"""From generated pieces to text: whole code points, stops across token boundaries, log-probs.

Pure: bytes and numbers in, text out.
"""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

_NEWLINE = re.compile(r"\r?\n")


class Emission(NamedTuple):
    """Text to show, with the log-probability of each token in it (natural logarithm)."""

    text: str
    logprobs: tuple[float, ...]


class TextStream:
    """Collects pieces of one answer; `stopped` names the stop once one was reached.

    Text that may still turn out to be the start of a stop is held back. A stop's own text is not
    part of the answer. Bytes that are no UTF-8 become U+FFFD; an incomplete last code point is
    dropped. A token belongs to the emission that carries its last character. Where a stop takes
    that away, but not all of the token, it belongs to the last emission, which may have no text.
    """

    def __init__(self, stops: tuple[str, ...] = (), stop_at_newline: bool = False) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._at_newline = stop_at_newline
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        # The tokens that are not counted yet: where each begins and ends, counted from the held
        # text's first character, and its log-probability.
        self._tokens: list[tuple[int, int, float]] = []
        self._has_code = False  # a non-blank character was emitted
        self.stopped = ""

    def feed(self, piece: bytes, logprob: float) -> Emission | None:
        """Add a token's bytes; what may be shown now, None if nothing yet."""
        begin = len(self._held)
        self._held += self._decoder.decode(piece)
        self._tokens.append((begin, len(self._held), logprob))
        end, self.stopped = self._find_stop()
        if not self.stopped:
            end = len(self._held) - self._n_undecided()
        return self._emit(end)

    def flush(self) -> Emission | None:
        """The answer ended without a stop: what was held back is text after all."""
        return None if self.stopped else self._emit(len(self._held))

    def _emit(self, end: int) -> Emission | None:
        text, self._held = self._held[:end], self._held[end:]
        if not text and not self.stopped:
            return None
        self._has_code = self._has_code or not text.isspace()
        shown = [one for one in self._tokens if self._is_shown(one, end)]
        left = self._tokens[len(shown) :]
        self._tokens = [(begin - end, past - end, logprob) for begin, past, logprob in left]
        return Emission(text, tuple(one[2] for one in shown)) if text or shown else None

    def _is_shown(self, token: tuple[int, int, float], end: int) -> bool:
        begin, past, _ = token
        return begin < end if self.stopped else past <= end

    def _find_stop(self) -> tuple[int, str]:
        """Where the earliest stop begins in the held text, and its kind ("" for none)."""
        best, kind = len(self._held), ""
        if self._at_newline:
            for match in _NEWLINE.finditer(self._held):
                if self._has_code or self._held[: match.start()].strip():
                    best, kind = match.start(), "newline"
                    break
        for stop in self._stops:
            found = self._held.find(stop)
            if found >= 0 and (found < best or not kind):
                best, kind = found, "stop"
        return best, kind

    def _n_undecided(self) -> int:
        """How many characters at the end may be the beginning of a stop."""
        held = self._held
        most = 1 if self._at_newline and held.endswith("\r") else 0
        for stop in self._stops:
            for length in range(min(len(stop) - 1, len(held)), most, -1):
                if held.endswith(stop[:length]):
                    most = length
                    break
        return most
