"""Type-through: while somebody types what is shown, the answer comes from here.

An entry answers at its own position and at every later one that is reached by typing its text.
Everything else must be unchanged: the text before, the text after, the model and the snippets. (A
cache that ignores the suffix serves stale text after an edit below.) The one allowed change after
the cursor are closers which the editor inserted for brackets and quotes that were typed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from indoors_completion.brackets import CLOSER_OF
from indoors_completion.types import Snippet

# How much text on each side must be equal. The offsets must fit as well, so a change further away
# goes unnoticed only if it keeps the length of everything before the cursor.
_BEFORE = 16_384
_AFTER = 8_192
_PER_KEY = 16
_AUTO_CLOSED = {**CLOSER_OF, '"': '"', "'": "'", "`": "`"}

Key = tuple[str, str, int]


class Hit(msgspec.Struct, frozen=True):
    """The part of a cached answer that is still to be typed (`\\n` line breaks), maybe ""."""

    text: str
    n_typed: int
    filtered_by: str


class _Entry(msgspec.Struct, frozen=True):
    offset: int
    before: str
    after: str
    text: str
    filtered_by: str
    explicit: bool
    complete: bool


def key(uri: str, model_key: str, snippets: Iterable[Snippet]) -> Key:
    """What an answer depends on besides the document's text."""
    return uri, model_key, hash(tuple((snippet.path, snippet.text) for snippet in snippets))


class CompletionCache:
    """A least-recently-used cache of answers. Not thread-safe: the event loop owns it."""

    def __init__(self, capacity: int = 256) -> None:
        self._capacity = max(1, capacity // _PER_KEY)
        self._entries: OrderedDict[Key, list[_Entry]] = OrderedDict()

    def store(
        self,
        where: Key,
        text: str,
        offset: int,
        answer: str,
        *,
        explicit: bool,
        complete: bool,
        filtered_by: str = "",
    ) -> None:
        """Keep `answer` for `offset` of the document text `text`.

        `complete` is False for an answer that a deadline cut off: asked again at the same place,
        the model can say more, so it serves only positions further on.
        """
        entry = _Entry(
            offset,
            text[max(0, offset - _BEFORE) : offset],
            text[offset : offset + _AFTER],
            answer,
            filtered_by,
            explicit,
            complete,
        )
        entries = self._entries.setdefault(where, [])
        entries[:] = [old for old in entries if not _same_place(old, entry)]
        entries.insert(0, entry)
        del entries[_PER_KEY:]
        self._entries.move_to_end(where)
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def lookup(self, where: Key, text: str, offset: int, *, explicit: bool) -> Hit | None:
        """The rest of an answer that leads through `offset` of `text`, the newest first."""
        for entry in self._entries.get(where, ()):
            if explicit and not entry.explicit:
                continue
            hit = _match(entry, text, offset)
            if hit is not None:
                self._entries.move_to_end(where)
                return hit
        return None

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()


def _same_place(old: _Entry, new: _Entry) -> bool:
    return (old.offset, old.before, old.after) == (new.offset, new.before, new.after)


def _match(entry: _Entry, text: str, offset: int) -> Hit | None:
    n_typed = offset - entry.offset
    # A line break is two characters in some documents, one in the entry.
    if n_typed < 0 or n_typed > 2 * len(entry.text):
        return None
    if not text.startswith(entry.before, entry.offset - len(entry.before)):
        return None
    typed = text[entry.offset : offset].replace("\r\n", "\n")
    if not entry.text.startswith(typed):
        return None
    rest = entry.text[len(typed) :]
    if n_typed == 0 and not entry.complete:
        return None
    if n_typed > 0 and not rest:
        return None
    if not _after_unchanged(entry.after, text, offset, typed):
        return None
    return Hit(rest, n_typed, entry.filtered_by)


def _after_unchanged(after: str, text: str, offset: int, typed: str) -> bool:
    closers = ""
    for character in reversed(typed):
        # Only what was opened last and not closed since can have been closed by the editor.
        if character not in _AUTO_CLOSED:
            continue
        closers += _AUTO_CLOSED[character]
        if len(closers) == 3:
            break
    for size in range(len(closers) + 1):
        auto = closers[:size]
        if text.startswith(auto + after[: _AFTER - size], offset):
            # At the end of the document, nothing may stand behind what was there.
            return len(after) == _AFTER or offset + size + len(after) == len(text)
    return False
