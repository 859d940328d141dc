"""How a file is cut into the pieces that a search finds: byte ranges, no text is kept.

A definition of ordinary size is a piece of its own. What lies between (imports, a long class's
head, prose, a file without a grammar) is cut into windows that begin and end at blank lines.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from indoors_indexing.facts import FileFacts
from indoors_indexing.records import Chunk
from indoors_indexing.words import words_of

_MIN_LINES, _MAX_LINES = 5, 60
# A window aims at this many lines, and takes the blank line nearest to it within the span.
_WINDOW_LINES, _WINDOW_SPAN = 40, 15
# A hostile file may have a definition on every line.
_MAX_CHUNKS = 4000


def chunks_of(data: bytes, facts: FileFacts | None) -> tuple[Chunk, ...]:
    """Cut a file and find the words of each piece."""
    return tuple(
        Chunk(start, end, words)
        for start, end in cut(data, facts)
        if (words := words_of(data[start:end].decode("utf-8", "replace")))
    )


def cut(data: bytes, facts: FileFacts | None) -> list[tuple[int, int]]:
    """The byte ranges of a file's pieces, in order, without overlap."""
    lines = _Lines(data)
    pieces: list[tuple[int, int]] = []
    at = 0
    for first, end in _definitions(lines, facts):
        gap = lines.trimmed(at, first)
        if gap is not None and gap[1] - gap[0] >= _MIN_LINES:
            pieces += lines.windows(*gap)
        elif gap is not None:
            # A comment or a constant above a definition is about it.
            first = gap[0]
        pieces.append((first, end))
        at = end
    rest = lines.trimmed(at, lines.count)
    if rest is not None:
        if pieces and rest[1] - rest[0] < _MIN_LINES:
            pieces[-1] = (pieces[-1][0], rest[1])
        else:
            pieces += lines.windows(*rest)
    starts = lines.starts
    return [(starts[first], starts[end]) for first, end in pieces[:_MAX_CHUNKS]]


def _definitions(lines: _Lines, facts: FileFacts | None) -> list[tuple[int, int]]:
    """The lines of the outermost definitions of ordinary size."""
    taken: list[tuple[int, int]] = []
    at = 0
    definitions = facts.definitions if facts else ()
    for item in sorted(definitions, key=lambda item: (item.start, -item.end)):
        first, end = lines.of(item.start), lines.of(max(item.end - 1, item.start)) + 1
        if first >= at and _MIN_LINES <= end - first <= _MAX_LINES and end <= lines.count:
            taken.append((first, end))
            at = end
    return taken


class _Lines:
    def __init__(self, data: bytes) -> None:
        self._lines = data.split(b"\n")
        if not self._lines[-1]:
            self._lines.pop()
        self.count = len(self._lines)
        # Where each line begins, and at the end where the last one stops.
        self.starts = list(accumulate((len(line) + 1 for line in self._lines), initial=0))
        self.starts[-1] = len(data)

    def of(self, byte: int) -> int:
        return max(0, bisect_right(self.starts, byte, 0, max(self.count, 1)) - 1)

    def trimmed(self, first: int, end: int) -> tuple[int, int] | None:
        """The lines without blank ones at either end; None if nothing is left."""
        while first < end and self._is_blank(first):
            first += 1
        while end > first and self._is_blank(end - 1):
            end -= 1
        return (first, end) if first < end else None

    def windows(self, first: int, end: int) -> list[tuple[int, int]]:
        windows: list[tuple[int, int]] = []
        while end - first > _MAX_LINES:
            stop = self._stop(first + _WINDOW_LINES)
            windows.append((first, stop))
            first = stop
            while first < end and self._is_blank(first):
                first += 1
        if first < end:
            windows.append((first, end))
        return windows

    def _stop(self, aim: int) -> int:
        for distance in range(_WINDOW_SPAN):
            for line in (aim + distance, aim - distance):
                if self._is_blank(line):
                    return line
        return aim

    def _is_blank(self, line: int) -> bool:
        return not self._lines[line].strip()
