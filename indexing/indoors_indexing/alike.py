"""Code that is like what stands around a cursor: lines that have the same rare words.

    lines around the cursor -> words with weights -> pieces of other files (full text) --.
                                                     lines of this file that have one ---+-> runs
    runs of lines, by what of the words stands in them -> passages, best first

What is written next is often written already, a little otherwise, somewhere else; a small model
copies it where it is shown (RepoCoder, Zhang et al. 2023, retrieves by the unfinished code for this
reason). The nearer a line is to the cursor, the more its words count: plain BM25 over the last ten
lines finds the neighbourhood, these weights find the line. Measured by benchmarks/repo_infill.py.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec

from indoors_indexing.follow import same_language
from indoors_indexing.hints import words_in_bytes
from indoors_indexing.languages import by_path
from indoors_indexing.lookup import HitLike, Lookup
from indoors_indexing.types import Span

# Lines whose words are asked for. A line at a distance of n counts 1 / (1 + n).
_LINES_ABOVE, _LINES_BELOW = 6, 4
# What follows the cursor is there, but what is asked for stands before it.
_BELOW = 0.8
_MAX_LINE_CHARS = 400
# So many lines are compared with those around the cursor; of runs that are as good the first one
# counts, so that what is alike is at its end. Shown is what follows its first line, and that line
# too if it is the one that is most alike.
_RUN, _SHOWN = 5, 6
# Beyond a piece it may go on so far.
_BEFORE_BYTES, _AFTER_BYTES = 160, 500
_MAX_PIECE_BYTES = 4000
_PIECES = 12
# Of what stands around the cursor a passage has this part, or it takes room for nothing: below it
# the rows of repo_infill.py were answered no better with passages than without.
_LEAST_FIT = 0.25
# In little room the best one needs so much, or nothing of the file is given up for any of them. A
# guess from few rows (11 of 80 at 768 prompt tokens: ES 47 with them, 52 with nothing).
_LEAST_BEST = 0.4
MAX_PASSAGES = 8
# Of the document itself the surroundings of so many words are looked at, each in so many places.
_OWN_WORDS, _OWN_PLACES = 12, 24
_MAX_OWN_CHARS = 400_000
# The pieces whose words say what code like this one uses.
_READ = 5
_WORD = re.compile(r"[^\W\d]\w+|\d+")
# All that is in no word as blanks, lines apart.
_SPACED = bytes(
    byte if byte >= 128 or chr(byte).isalnum() or chr(byte) in "_\n" else ord(" ")
    for byte in range(256)
)
# How the end of a line is told among words: by what is in none of them.
_LINE_MARK = b"\0"
_LINE_END = b" \0 "
# Sums of the same in another order are not quite the same.
_ROUNDED = 1e-9


class Passage(NamedTuple):
    """A few whole lines of a file: a byte range (of the file as it is now), its text, and which
    part (0 to 1) of what is around the cursor stands in it.
    """

    path: str
    start: int
    end: int
    text: str
    fit: float


class _Run(msgspec.Struct, frozen=True, gc=False):
    """Lines that are compared: what of the words stands in them, and their first in `lines`.

    `is_first` says that no line of them has more of the words than the first.
    """

    worth: float
    path: str
    start: int
    lines: list[bytes]
    at: int
    is_first: bool


class Alike:
    """What is like the text around one cursor. `shown` is what the prompt has of it anyway.

    With `only_strong` there are no passages where the best one is only a little like it.
    """

    def __init__(
        self,
        lookup: Lookup,
        path: str,
        text: str,
        offset: int,
        shown: Span,
        *,
        only_strong: bool = False,
    ) -> None:
        self._only_strong = only_strong
        self._lookup = lookup
        self._path = path
        self._text = text
        self._offset = offset
        self._shown = shown
        self._hits: Sequence[HitLike] | None = None
        self._worth: Mapping[str, float] = {}

    def hits(self) -> Sequence[HitLike]:
        """The pieces of other files that fit best, the best first."""
        if self._hits is None:
            weights = words_around(self._text, self._offset)
            found, rarities = self._lookup.alike(weights, _PIECES)
            self._hits = [
                hit for hit in found if hit.path != self._path and _may_copy(self._path, hit.path)
            ]
            self._worth = {
                word: weight * rarities.get(word, 0.0)
                for word, weight in weights.items()
                if rarities.get(word, 0.0) > 0
            }
        return self._hits

    def words(self) -> frozenset[str]:
        """The words of the first pieces."""
        pieces = [
            self._lookup.source(hit.path, hit.start, min(hit.end, hit.start + _MAX_PIECE_BYTES))
            for hit in self.hits()[:_READ]
        ]
        return words_in_bytes(b"\n".join(pieces))

    def passages(self) -> list[Passage]:
        """The lines that are most like those around the cursor, best first, none twice."""
        hits = self.hits()
        all_of_it = sum(self._worth.values())
        if all_of_it <= 0:
            return []
        least = _LEAST_FIT * all_of_it
        worth = {word.encode("utf-8", "replace"): value for word, value in self._worth.items()}
        # The document is at hand; others have to be read.
        runs = list(self._own_runs(worth, least))
        for hit in hits:
            if self._lookup.late():
                break
            runs += self._runs_in(hit, worth, least)
        runs.sort(key=lambda run: (-run.worth, run.path, run.start, run.at))
        if self._only_strong and runs and runs[0].worth < _LEAST_BEST * all_of_it:
            return []
        taken: dict[str, list[tuple[int, int]]] = {}
        found: list[Passage] = []
        for run in runs:
            first = run.at + (not run.is_first)
            start = run.start + sum(map(len, run.lines[:first]))
            lines = run.lines[first : first + _SHOWN]
            end = start + sum(map(len, lines))
            others = taken.setdefault(run.path, [])
            if start >= end or any(start < last and first < end for first, last in others):
                continue
            others.append((start, end))
            text = b"".join(lines).decode("utf-8", "replace")
            found.append(Passage(run.path, start, end, text, run.worth / all_of_it))
            if len(found) >= MAX_PASSAGES:
                break
        return found

    def _runs_in(self, hit: HitLike, worth: Mapping[bytes, float], least: float) -> Iterator[_Run]:
        """The runs of a piece; what is shown of one may stand a little beyond the piece."""
        first = max(0, hit.start - _BEFORE_BYTES)
        last = min(hit.end, hit.start + _MAX_PIECE_BYTES)
        data = self._lookup.source(hit.path, first, last + _AFTER_BYTES)
        before = data[: hit.start - first]
        skipped = before.find(b"\n") + 1 if first else 0
        data = data[skipped:]
        whole = data.rfind(b"\n") + 1
        if len(data) > last - first and whole:
            data = data[:whole]
        yield from _runs(hit.path, first + skipped, data, worth, least)

    def _own_runs(self, worth: Mapping[bytes, float], least: float) -> Iterator[_Run]:
        """The runs of the document itself, outside of what is shown: it is asked as it is now."""
        text = self._text
        if len(text) > _MAX_OWN_CHARS:
            return
        for first, last in ((0, self._shown.start), (self._shown.end, len(text))):
            if last <= first:
                continue
            data = text[first:last].encode("utf-8", "replace")
            start = len(text[:first].encode("utf-8", "replace"))
            for low, high in _places(data, worth):
                yield from _runs(self._path, start + low, data[low:high], worth, least)


def _may_copy(here: str, there: str) -> bool:
    """Whether lines of one file may be written in another: not those of another language's code."""
    return same_language(here, there) or by_path(here) is None or by_path(there) is None


def words_around(text: str, offset: int) -> dict[str, float]:
    """The words around a cursor, in lower case, with weights from 1 (on its own line) down."""
    weights: dict[str, float] = {}
    start = offset
    for distance in range(_LINES_ABOVE):
        end, start = start, text.rfind("\n", 0, max(0, start)) if start > 0 else -1
        _weigh(weights, text[max(start + 1, end - _MAX_LINE_CHARS) : end], 1 / (1 + distance))
        if start < 0:
            break
    at = offset
    for distance in range(_LINES_BELOW):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        _weigh(weights, text[at : min(end, at + _MAX_LINE_CHARS)], _BELOW / (1 + distance))
        at = end + 1
        if at > len(text):
            break
    return weights


def _weigh(weights: dict[str, float], line: str, weight: float) -> None:
    for word in _WORD.findall(line):
        known = word.lower()
        if weights.get(known, 0.0) < weight:
            weights[known] = weight


def _runs(
    path: str, start: int, data: bytes, worth: Mapping[bytes, float], least: float
) -> Iterator[_Run]:
    """The runs of a text that are worth `least`."""
    spaced = data.lower().translate(_SPACED).replace(b"\n", _LINE_END)
    kept = list(filter({*worth, _LINE_MARK}.__contains__, spaced.split()))
    # Many texts have too little in all of their lines together.
    if sum(map(worth.__getitem__, worth.keys() & kept)) < least:
        return
    words: list[list[bytes]] = [[]]
    for word in kept:
        if word == _LINE_MARK:
            words.append([])
        else:
            words[-1].append(word)
    lines = data.splitlines(keepends=True)
    del words[len(lines) :]
    own = [sum(map(worth.__getitem__, set(line))) if line else 0.0 for line in words]
    # A short text is one run.
    for last in range(min(_RUN, len(words)) - 1, len(words)):
        at = max(0, last - _RUN + 1)
        # What its lines have, each for itself, is the most that it can be worth.
        if sum(own[at : last + 1]) < least - _ROUNDED:
            continue
        now = sum(map(worth.__getitem__, dict.fromkeys(chain.from_iterable(words[at : last + 1]))))
        if now >= least:
            is_first = own[at] >= max(own[at : last + 1]) > 0
            yield _Run(round(now, 6), path, start, lines, at, is_first)


def _all_of(word: bytes, data: bytes) -> list[int]:
    """Where a word stands, up to one place more than are looked at."""
    found: list[int] = []
    at = data.find(word)
    while at >= 0 and len(found) <= _OWN_PLACES:
        found.append(at)
        at = data.find(word, at + len(word))
    return found


def _places(data: bytes, worth: Mapping[bytes, float]) -> list[tuple[int, int]]:
    """The surroundings of the words that are worth most, as byte ranges of whole lines in order,
    apart. Words that stand in many places tell none of them from the others.
    """
    lower = data.lower()
    found: list[int] = []
    for word in heapq.nlargest(_OWN_WORDS, worth, key=lambda word: (worth[word], word)):
        places = _all_of(word, lower)
        if len(places) <= _OWN_PLACES:
            found += places
    ranges: list[tuple[int, int]] = []
    near = -1
    for at in sorted(found):
        if at < near:
            continue
        low, high = at, at
        for _ in range(_RUN):
            low = data.rfind(b"\n", 0, low - 1) + 1 if low else 0
        for line_number in range(_RUN + _SHOWN):
            high = data.find(b"\n", high) + 1 or len(data)
            # What stands on the next two lines has enough behind it, too.
            if line_number < 3:
                near = high
        if ranges and low <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(high, ranges[-1][1]))
        else:
            ranges.append((low, high))
    return ranges
