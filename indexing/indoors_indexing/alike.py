"""Code that is like what stands around a cursor: it has the same rare words. Asked once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from indoors_indexing.hints import words_in
from indoors_indexing.lookup import HitLike, Lookup
from indoors_indexing.nearby import Nearby

_QUERY_WORDS = 16
_SIMILAR = 12
# How many pieces are read for their words, and how much of each.
_READ = 5
_MAX_BYTES = 3000
_LINES = 10
_IDENTIFIER = re.compile(rb"[^\W\d]\w*")


class Passage(NamedTuple):
    """A few lines of a piece: a byte range, and how well the piece fits."""

    path: str
    start: int
    end: int
    score: float


class Alike:
    """The pieces of other files that are most like the text around one cursor in `path`."""

    def __init__(self, lookup: Lookup, near: Nearby, path: str) -> None:
        self._lookup = lookup
        self._near = near
        self._path = path
        self._hits: Sequence[HitLike] | None = None

    def hits(self) -> Sequence[HitLike]:
        """The pieces, the most similar first; the file's own are among them."""
        if self._hits is None:
            writing = self._near.enclosing_function()
            words = [*([writing] if writing else []), *list(self._near.names)[:_QUERY_WORDS]]
            self._hits = self._lookup.search(words, _SIMILAR) if len(words) > 1 else ()
        return self._hits

    def words(self) -> frozenset[str]:
        """The words of the first pieces of other files."""
        found: set[str] = set()
        for hit in [one for one in self.hits() if one.path != self._path][:_READ]:
            end = min(hit.end, hit.start + _MAX_BYTES)
            text = self._lookup.source(hit.path, hit.start, end).decode("utf-8", "replace")
            found |= words_in(text)
        return frozenset(found)

    def passages(self) -> list[Passage]:
        """Of each piece the lines in which most of what is near the cursor stands, best first."""
        wanted = {name.encode(): weight for name, weight in self._near.names.items()}
        found: list[Passage] = []
        for hit in list(self.hits())[: _READ + 1]:
            end = min(hit.end, hit.start + _MAX_BYTES)
            data = self._lookup.source(hit.path, hit.start, end)
            first, last = _densest(data, wanted)
            if first < last:
                found.append(Passage(hit.path, hit.start + first, hit.start + last, hit.score))
        return found


def _densest(data: bytes, wanted: dict[bytes, float]) -> tuple[int, int]:
    """The bytes of the `_LINES` lines in which the wanted words weigh most; each word counts once
    in a line. At a tie those that stand first.
    """
    lines = data.splitlines(keepends=True)
    weights = [
        sum(wanted.get(word, 0.0) for word in set(_IDENTIFIER.findall(line))) for line in lines
    ]
    size = min(_LINES, len(lines))
    now = best = sum(weights[:size])
    at = 0
    for start in range(1, len(lines) - size + 1):
        now += weights[start + size - 1] - weights[start - 1]
        if now > best + 1e-9:
            best, at = now, start
    begin = sum(map(len, lines[:at]))
    return begin, begin + sum(map(len, lines[at : at + size]))
