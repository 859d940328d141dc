"""Code that is like what stands around a cursor: it has the same rare words. Asked once."""

from __future__ import annotations

from collections.abc import Sequence

from indoors_indexing.hints import words_in
from indoors_indexing.lookup import HitLike, Lookup
from indoors_indexing.nearby import Nearby

_QUERY_WORDS = 16
_SIMILAR = 12
# How many pieces are read for their words, and how much of each.
_READ = 5
_MAX_BYTES = 3000


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
