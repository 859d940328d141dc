"""What somebody changed and looked at lately: spans of whole lines that follow the edits.

llama.vim keeps a ring of 16 chunks of up to 64 lines, picked where a file is left, saved or copied
from, and drops a chunk that is more than nine tenths alike a newer one (its documentation). Here a
span is where an edit really was. It stays with its text while that changes, and grows into its
neighbours, so that one place never takes two chunks.

A ring is a value: each event gives another one. It has no clock; times are what the caller says.
Offsets are code points of the document as it was told last.
"""

from __future__ import annotations

from collections import Counter

import msgspec

MAX_SPANS = 16
MAX_LINES = 64
MAX_CHARS = 6000
# How many lines around an edit belong to it.
_AROUND = 8
# What is left of a span that another one grew into is kept if it still says something.
_MIN_LINES = 4
_ALIKE = 0.9


class RecentSpan(msgspec.Struct, frozen=True, kw_only=True):
    """Whole lines of a file, as they are now. `edited` tells them from those only looked at."""

    path: str
    start: int
    end: int
    text: str
    time: float
    edited: bool


class Ring(msgspec.Struct, frozen=True):
    """At most `MAX_SPANS` spans that do not overlap: edited ones first, then by time."""

    spans: tuple[RecentSpan, ...] = ()

    def edited(
        self, path: str, text: str, start: int, old_end: int, new_end: int, time: float
    ) -> Ring:
        """`text[start:new_end]` has replaced what ended at `old_end`; `text` is the result."""
        start, new_end = _within(text, start, new_end)
        old_end = max(start, old_end)
        moved: list[RecentSpan] = []
        for span in self.spans:
            if span.path != path:
                moved.append(span)
            elif (after := _moved(span, text, start, old_end, new_end)) is not None:
                moved.append(after)
        new = _span(path, text, start, new_end, around=_AROUND, time=time, edited=True)
        touched = [one for one in moved if one.edited and _touch(one, new)]
        if touched:
            first = min(new.start, *(one.start for one in touched))
            last = max(new.end, *(one.end for one in touched))
            first, last = _trimmed(text, first, last, start)
            new = msgspec.structs.replace(new, start=first, end=last, text=text[first:last])
        return _ordered([new, *_beside(moved, new, text, alike=bool(touched))])

    def viewed(self, path: str, text: str, start: int, end: int, time: float) -> Ring:
        """Lines were on the screen for a while; what is an edit already stays one."""
        start, end = _within(text, start, end)
        new = _span(path, text, start, end, around=0, time=time, edited=False)
        if any(
            span.edited and _touch(span, new) and _shared(span, new) * 2 > new.end - new.start
            for span in self.spans
        ):
            return self
        mine = [span for span in self.spans if span.edited and span.path == path]
        for span in mine:
            # An edit in the middle of the screen: the longer part beside it is what is new.
            if _shared(span, new) > 0:
                before, after = (new.start, span.start), (span.end, new.end)
                first, last = max(before, after, key=lambda part: part[1] - part[0])
                if text[first:last].count("\n") < _MIN_LINES:
                    return self
                new = msgspec.structs.replace(new, start=first, end=last, text=text[first:last])
        return _ordered([new, *_beside(list(self.spans), new, text, alike=False)])

    def replaced(self, path: str, text: str) -> Ring:
        """A file has another text and nobody knows why: keep the spans that are found again."""
        kept: list[RecentSpan] = []
        for span in self.spans:
            if span.path != path:
                kept.append(span)
            elif span.text.strip() and (at := text.find(span.text)) >= 0:
                kept.append(msgspec.structs.replace(span, start=at, end=at + len(span.text)))
        return Ring(tuple(kept))

    def renamed(self, old: str, new: str) -> Ring:
        """A file has another path."""
        kept = [span for span in self.spans if span.path != new or new == old]
        return Ring(
            tuple(
                msgspec.structs.replace(span, path=new) if span.path == old else span
                for span in kept
            )
        )

    def without(self, path: str) -> Ring:
        """A file is gone, or nobody may use it any more."""
        return Ring(tuple(span for span in self.spans if span.path != path))


def similarity(first: str, second: str) -> float:
    """How alike two texts are: the share of lines that both have, 0 to 1; blank lines are none."""
    mine = Counter(line.strip() for line in first.splitlines() if line.strip())
    theirs = Counter(line.strip() for line in second.splitlines() if line.strip())
    n_lines = mine.total() + theirs.total()
    return 2 * (mine & theirs).total() / n_lines if n_lines else 0.0


def _within(text: str, start: int, end: int) -> tuple[int, int]:
    start = min(max(0, start), len(text))
    return start, min(max(start, end), len(text))


def _touch(one: RecentSpan, other: RecentSpan) -> bool:
    return one.path == other.path and one.start <= other.end and other.start <= one.end


def _shared(one: RecentSpan, other: RecentSpan) -> int:
    if one.path != other.path:
        return 0
    return max(0, min(one.end, other.end) - max(one.start, other.start))


def _line_start(text: str, offset: int) -> int:
    return text.rfind("\n", 0, offset) + 1


def _line_end(text: str, offset: int) -> int:
    end = text.find("\n", offset)
    return len(text) if end < 0 else end + 1


def _span(
    path: str, text: str, start: int, end: int, *, around: int, time: float, edited: bool
) -> RecentSpan:
    first, last = _line_start(text, start), _line_end(text, end)
    for _ in range(around):
        first = _line_start(text, max(0, first - 1))
        last = _line_end(text, last) if last < len(text) else last
    first, last = _trimmed(text, first, last, start)
    return RecentSpan(
        path=path, start=first, end=last, text=text[first:last], time=time, edited=edited
    )


def _trimmed(text: str, first: int, last: int, middle: int) -> tuple[int, int]:
    """At most `MAX_LINES` lines and `MAX_CHARS` characters of a range, around `middle`."""
    low = _line_start(text, middle)
    high = _line_end(text, middle)
    for _ in range(MAX_LINES - 1):
        grown_low = _line_start(text, low - 1) if low > first else low
        grown_high = _line_end(text, high) if high < last else high
        if grown_high - grown_low > MAX_CHARS or (grown_low, grown_high) == (low, high):
            break
        if text.count("\n", grown_low, grown_high) > MAX_LINES:
            # One more line fits, not two: the one above, which explains what follows.
            if text.count("\n", grown_low, high) <= MAX_LINES:
                low = grown_low
            break
        low, high = grown_low, grown_high
    low, high = max(low, first), min(high, last)
    if high - low > MAX_CHARS:
        # One giant line: what stands around the place itself.
        low = max(low, min(middle, high) - MAX_CHARS // 2)
        high = min(high, low + MAX_CHARS)
    return low, high


def _moved(
    span: RecentSpan, text: str, start: int, old_end: int, new_end: int
) -> RecentSpan | None:
    """A span after an edit, with its text; None if nothing of it is left."""
    if span.end <= start:
        return span
    delta = new_end - old_end
    if span.start >= old_end:
        return msgspec.structs.replace(span, start=span.start + delta, end=span.end + delta)
    first = span.start if span.start <= start else new_end
    last = span.end + delta if span.end >= old_end else start
    if last <= first:
        return None
    first, last = _trimmed(text, _line_start(text, first), _line_end(text, last - 1), start)
    return msgspec.structs.replace(span, start=first, end=last, text=text[first:last])


def _beside(
    spans: list[RecentSpan], new: RecentSpan, text: str, *, alike: bool
) -> list[RecentSpan]:
    """The other spans: without what the new one covers, and without what says the same.

    `alike` says that the new span only grew from others, and was compared when it was made.
    """
    kept = []
    for span in spans:
        if _shared(span, new) or (span.path, span.start) == (new.path, new.start):
            parts = [(span.start, new.start), (new.end, span.end)]
            first, last = max(parts, key=lambda part: part[1] - part[0])
            if last <= first or text.count("\n", first, last) < _MIN_LINES:
                continue
            span = msgspec.structs.replace(span, start=first, end=last, text=text[first:last])
        if alike or similarity(span.text, new.text) <= _ALIKE:
            kept.append(span)
    return kept


def _ordered(spans: list[RecentSpan]) -> Ring:
    spans = [span for span in spans if span.text.strip()]
    spans.sort(key=lambda span: (not span.edited, -span.time, span.path, span.start))
    return Ring(tuple(spans[:MAX_SPANS]))
