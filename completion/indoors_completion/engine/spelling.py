"""Token healing: which tokens may come next while an answer must spell a given text first.

The cursor is usually inside a word, and the tokenizer would have cut the whole word elsewhere. So
the partial word is left out of the prompt and the first tokens are constrained to spell it: each
must be a beginning of what is left to spell, or begin with it. (The technique is described for
JetBrains' full-line completion, and as "token healing" for guidance.)
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable

from indoors_completion.engine.slot import Choice, Memo

# More tokens than this for one partial word would be a text that the vocabulary cannot spell well.
MAX_SPELLED = 64


class Spelling:
    """The vocabulary in alphabetical order. `pieces` gives each usable token with its bytes."""

    def __init__(self, pieces: Iterable[tuple[int, bytes]]) -> None:
        ordered = sorted((piece, token) for token, piece in pieces if piece)
        self._pieces = [piece for piece, _ in ordered]
        self._tokens = [token for _, token in ordered]
        self._longest = max(map(len, self._pieces), default=0)

    def candidates(self, rest: bytes) -> list[int]:
        """The tokens that can come next if `rest` (not empty) must be spelled first."""
        found = []
        for length in range(1, min(len(rest), self._longest + 1)):
            found += self._range(rest[:length], rest[:length] + b"\0")
        return found + self._range(rest, _after(rest))

    def _range(self, low: bytes, high: bytes | None) -> list[int]:
        start = bisect_left(self._pieces, low)
        end = len(self._pieces) if high is None else bisect_left(self._pieces, high, start)
        return self._tokens[start:end]


def advance(rest: bytes, piece: bytes) -> tuple[bytes, bytes] | None:
    """What is left to spell after `piece`, and what of it lies beyond; None if it does not fit."""
    if piece.startswith(rest):
        return b"", piece[len(rest) :]
    return (rest[len(piece) :], b"") if piece and rest.startswith(piece) else None


def replay(memo: Memo, begin: bytes, piece_of: Callable[[int], bytes]) -> list[Choice]:
    """How far an earlier answer to the same prompt holds, now that it must spell `begin`.

    If `begin` goes on from what was spelled then, all tokens that fit it now fitted then; so the
    likeliest one of then, where it fits now, is the likeliest one of now. Nothing is evaluated.
    """
    if not begin.startswith(memo.begin):
        return []
    rest, kept = begin, []
    for choice in memo.choices:
        step = advance(rest, piece_of(choice.token)) if rest else (b"", b"")
        if step is None:
            break
        rest = step[0]
        kept.append(choice)
    return kept


def _after(text: bytes) -> bytes | None:
    """The first text in order that does not begin with `text`, None if there is none."""
    shorter = text.rstrip(b"\xff")
    return shorter[:-1] + bytes([shorter[-1] + 1]) if shorter else None
