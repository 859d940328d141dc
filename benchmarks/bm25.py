"""Plain BM25 over the lines of a tree: what a completion gets that knows nothing of code.

Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009). Documents are
runs of ten lines, as CrossCodeEval cuts them; the question is the ten lines before the cursor.
"""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

LINES = 10
K1, B = 1.2, 0.75
_WORD = re.compile(r"[^\W\d_]\w*|\d+")


@dataclass(frozen=True)
class Piece:
    """Ten lines of a file, from line `start_line` (from 1) on, and how well they fit."""

    path: str
    start_line: int
    text: str
    score: float = 0.0


def words(text: str) -> list[str]:
    """The words of a text in lower case. Identifiers are not split: it is the plain one."""
    return [word.lower() for word in _WORD.findall(text)]


class Bm25:
    """All pieces of a set of files."""

    def __init__(self, files: Iterable[tuple[str, str]]) -> None:
        self._pieces: list[Piece] = []
        self._lengths: list[int] = []
        self._postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for path, text in files:
            lines = text.split("\n")
            for start in range(0, len(lines), LINES):
                self._add(Piece(path, start + 1, "\n".join(lines[start : start + LINES])))
        self._mean = sum(self._lengths) / len(self._lengths) if self._lengths else 1.0

    def _add(self, piece: Piece) -> None:
        counts = Counter(words(piece.text))
        if not counts:
            return
        for word, count in counts.items():
            self._postings[word].append((len(self._pieces), count))
        self._pieces.append(piece)
        self._lengths.append(counts.total())

    def search(self, question: str, count: int, without: str = "") -> list[Piece]:
        """The `count` pieces that fit best, none of the file `without`; the first ones at a tie."""
        scores: dict[int, float] = defaultdict(float)
        for word in sorted(set(words(question))):
            found = self._postings.get(word, ())
            n = len(self._pieces)
            weight = math.log(1 + (n - len(found) + 0.5) / (len(found) + 0.5))
            for index, times in found:
                length = self._lengths[index] / self._mean
                scores[index] += weight * times * (K1 + 1) / (times + K1 * (1 - B + B * length))
        others = [index for index in scores if self._pieces[index].path != without]
        best = heapq.nsmallest(count, others, key=lambda index: (-scores[index], index))
        return [
            Piece(piece.path, piece.start_line, piece.text, round(scores[index], 2))
            for index in best
            if (piece := self._pieces[index])
        ]


def question_of(prefix: str) -> str:
    """The last ten lines before the cursor."""
    return "\n".join(prefix.split("\n")[-LINES:])
