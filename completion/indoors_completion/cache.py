"""Type-through: while somebody types what is shown, the answer comes from here.

An entry answers at its own place, at every later one that is reached by typing its text, and a few
characters before it on the same line, if those were deleted. Everything else must be unchanged: the
text before, the text after, the model and the snippets. (A cache that ignores the suffix serves
stale text after an edit below.) The one allowed change after the cursor are closers which the
editor inserted for brackets and quotes that were typed, or took away with those that were deleted.
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
_MOST_CLOSERS = 3
# How far before its place an answer still serves, once the characters between were deleted.
MAX_DELETED = 32

Key = tuple[str, str, int]


class Spot(msgspec.Struct, frozen=True):
    """A place in a document, with as much of the text around it as must be unchanged."""

    offset: int
    before: str
    after: str

    def typed(self, text: str, offset: int) -> str | None:
        """What was typed since, if `offset` of `text` is this place plus typing; else None.

        Line breaks come as `\\n`. The place itself gives "".
        """
        start = self.offset - len(self.before)
        if offset < self.offset or not text.startswith(self.before, start):
            return None
        typed = text[self.offset : offset].replace("\r\n", "\n")
        for auto in _closers(typed):
            if text.startswith(auto + self.after[: _AFTER - len(auto)], offset):
                # At the end of the document, nothing may stand behind what was there.
                n_after = len(self.after)
                if n_after == _AFTER or offset + len(auto) + n_after == len(text):
                    return typed
        return None

    def deleted(self, text: str, offset: int) -> str:
        """What was deleted since, if `offset` of `text` is this place less a few characters of its
        line; else "".
        """
        size = self.offset - offset
        if not 0 < size <= min(MAX_DELETED, len(self.before)) or "\n" in self.before[-size:]:
            return ""
        kept, deleted = self.before[:-size], self.before[-size:]
        if not text.startswith(kept, offset - len(kept)):
            return ""
        for auto in _closers(deleted):
            if not self.after.startswith(auto):
                continue
            after = self.after[len(auto) :]
            if text.startswith(after, offset):
                whole = len(self.after) < _AFTER
                return deleted if not whole or offset + len(after) == len(text) else ""
        return ""


def spot_at(text: str, offset: int) -> Spot:
    """The place `offset` of the document text `text`."""
    before = text[max(0, offset - _BEFORE) : offset]
    return Spot(offset, before, text[offset : offset + _AFTER])


class Kept(msgspec.Struct, frozen=True):
    """One answer as the filters left it (`\\n` line breaks), "" if one of them dropped it."""

    text: str
    filtered_by: str = ""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """What of an answer is still to be typed, maybe "".

    `n_typed` is how many characters were typed since it was made, negative if deleted. `others` are
    the further answers that lead through the same place. `ahead` says, once per entry, that the
    answer was there before it was asked for.
    """

    text: str
    n_typed: int
    filtered_by: str = ""
    others: tuple[str, ...] = ()
    ahead: bool = False


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """The answers for one place, the best one first (at least one).

    `complete` is False for one that a deadline cut off: asked again at the same place, there is
    more to say, so it serves only other places. `explicit` and `continues` say what kind of request
    it was made for; both allow answers that begin on the next line.
    """

    spot: Spot
    answers: tuple[Kept, ...]
    complete: bool = True
    explicit: bool = False
    continues: bool = False
    ahead: bool = False

    def match(self, text: str, offset: int, *, unfinished: bool = False) -> Hit | None:
        """What this says at `offset` of `text`. `unfinished` accepts what is not complete."""
        n_typed = offset - self.spot.offset
        if n_typed < 0:
            return self._match_deleted(text, offset)
        # A line break is two characters in some documents, one in the entry.
        if n_typed > 2 * max(len(answer.text) for answer in self.answers):
            return None
        typed = self.spot.typed(text, offset)
        if typed is None or (n_typed == 0 and not (self.complete or unfinished)):
            return None
        rests = [
            Kept(answer.text[len(typed) :], answer.filtered_by)
            for answer in self.answers
            if answer.text.startswith(typed) and (n_typed == 0 or len(answer.text) > len(typed))
        ]
        return self._hit(rests, n_typed) if rests else None

    def _match_deleted(self, text: str, offset: int) -> Hit | None:
        deleted = self.spot.deleted(text, offset)
        rests = [Kept(deleted + answer.text) for answer in self.answers if answer.text]
        return self._hit(rests, -len(deleted)) if deleted and rests else None

    def _hit(self, rests: list[Kept], n_typed: int) -> Hit:
        return Hit(
            text=rests[0].text,
            n_typed=n_typed,
            filtered_by=rests[0].filtered_by,
            others=tuple(rest.text for rest in rests[1:] if rest.text),
            ahead=self.ahead,
        )

    def serves(self, hit: Hit, *, explicit: bool, continues: bool) -> bool:
        """Whether `hit`, which this gave, is what such a request would be answered."""
        if explicit:
            return self.explicit
        if hit.n_typed != 0:
            return True
        if continues:
            # What was dropped may have been dropped for beginning on the next line.
            return self.continues or self.explicit or not hit.filtered_by
        return not (self.continues and hit.text.lstrip(" \t").startswith("\n"))


def key(uri: str, model_key: str, snippets: Iterable[Snippet]) -> Key:
    """What an answer depends on besides the document's text."""
    return uri, model_key, hash(tuple((snippet.path, snippet.text) for snippet in snippets))


class CompletionCache:
    """A least-recently-used cache of answers. Not thread-safe: the event loop owns it."""

    def __init__(self, capacity: int = 256) -> None:
        self._capacity = max(1, capacity // _PER_KEY)
        self._entries: OrderedDict[Key, list[Entry]] = OrderedDict()

    def store(self, where: Key, entry: Entry) -> None:
        """Keep `entry`, in place of what was kept for the same place."""
        entries = self._entries.setdefault(where, [])
        entries[:] = [old for old in entries if old.spot != entry.spot]
        entries.insert(0, entry)
        del entries[_PER_KEY:]
        self._entries.move_to_end(where)
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def lookup(
        self,
        where: Key,
        text: str,
        offset: int,
        *,
        explicit: bool,
        continues: bool = False,
        peek: bool = False,
    ) -> Hit | None:
        """The rest of an answer that leads through `offset` of `text`.

        The newest comes first; answers for a place further on, back to which somebody deleted, come
        last, because what stood here before is the steadier answer. `peek` leaves no trace.
        """
        entries = self._entries.get(where, [])
        found: tuple[int, Hit] | None = None
        for number, entry in enumerate(entries):
            hit = entry.match(text, offset)
            if hit is None or not entry.serves(hit, explicit=explicit, continues=continues):
                continue
            if hit.n_typed >= 0:
                found = number, hit
                break
            found = found or (number, hit)
        if found is None:
            return None
        number, hit = found
        if not peek:
            self._entries.move_to_end(where)
            entries[number] = msgspec.structs.replace(entries[number], ahead=False)
        return hit

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()


def _closers(typed: str) -> list[str]:
    """What an editor may have inserted behind `typed`: nothing, one closer, two, three.

    Only what was opened last and not closed since can have been closed by the editor.
    """
    found = [""]
    for character in reversed(typed):
        if character in _AUTO_CLOSED:
            found.append(found[-1] + _AUTO_CLOSED[character])
            if len(found) > _MOST_CLOSERS:
                break
    return found
