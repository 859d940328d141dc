"""The answers that were given, and what becomes of them: shown, accepted, accepted in part.

An accept also shows in the text: the document becomes what it would be with an answer inserted at
once. The request after that continues an accepted suggestion, which allows more (`continues` in
`indoors_completion.types.CompletionRequest`).
"""

from __future__ import annotations

from collections import OrderedDict, deque

import msgspec

from indoors_completion.types import Completion, Document, Span
from indoors_server.positions import index_at, n_units
from indoors_server.status import Counters

# How many answered items we remember, to count what is said about them later.
_REMEMBERED = 256
# In how many of a document's last answers an accept is looked for.
_RECENT = 4


class _Item(msgspec.Struct):
    """An answered item: its text, how much of it was taken bit by bit, and whether wholly."""

    uri: str
    text: str
    taken_units: int = 0
    accepted: bool = False


class _Offer(msgspec.Struct, frozen=True):
    """A document's text, and what was offered to replace a span of it."""

    before: str
    span: Span
    text: str

    def makes(self, text: str) -> bool:
        """Whether `text` is the document with the offer taken."""
        before, span = self.before, self.span
        if len(text) != len(before) - (span.end - span.start) + len(self.text):
            return False
        return text == before[: span.start] + self.text + before[span.end :]


class Items:
    """The items of one session. All numbers go into `counters`."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._items: OrderedDict[str, _Item] = OrderedDict()
        self._offers: dict[str, deque[_Offer]] = {}
        self._accepted: dict[str, str] = {}

    def answered(self, document: Document, completion: Completion) -> None:
        """A completion with text was sent for `document`."""
        answers = [(completion.text, completion.span)]
        answers += [(other.text, other.span) for other in completion.alternatives]
        offers = self._offers.setdefault(document.uri, deque(maxlen=_RECENT))
        for number, (text, span) in reversed(list(enumerate(answers))):
            self._items[item_id(completion.id, number)] = _Item(document.uri, text)
            offers.append(_Offer(document.text, span, text))
        while len(self._items) > _REMEMBERED:
            self._items.popitem(last=False)

    def changed(self, uri: str, text: str, n_inserted: int) -> None:
        """A document's text is now `text`; the longest insertion had `n_inserted` characters."""
        self._accepted.pop(uri, None)
        for offer in self._offers.get(uri, ()):
            # Typing the last character of a suggestion is not accepting it.
            if n_inserted >= min(2, len(offer.text)) and offer.makes(text):
                self._accepted[uri] = offer.text

    def continues(self, uri: str, text: str, offset: int) -> bool:
        """Whether the text before `offset` is what was just accepted."""
        accepted = self._accepted.get(uri, "")
        return bool(accepted) and text.endswith(accepted, 0, offset)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._offers.pop(uri, None)
        self._accepted.pop(uri, None)

    # --- what the editor says -------------------------------------------------------------------

    def shown(self, identity: str) -> None:
        """An item was shown."""
        self._counters.shown += identity in self._items

    def accepted(self, identity: str) -> bool:
        """An item was accepted as a whole; counted once."""
        item = self._items.get(identity)
        if item is None or item.accepted:
            return False
        item.accepted = True
        self._accepted[item.uri] = item.text
        self._counters.accepted += 1
        return True

    def partially_accepted(self, identity: str, accepted_units: int) -> None:
        """The first `accepted_units` UTF-16 units of an item were taken, counted from its start."""
        item = self._items.get(identity)
        if item is None:
            return
        taken = item.text[: index_at(item.text, accepted_units, "utf-16")]
        now = n_units(taken, "utf-16")
        if now > item.taken_units:
            self._counters.partially_accepted += item.taken_units == 0
            self._counters.accepted_units += now - item.taken_units
            item.taken_units = now


def item_id(completion_id: str, number: int) -> str:
    """The name of one item of a completion: number 0 is the first answer."""
    return f"{completion_id}.{number}" if number else completion_id
