"""The full-text index as it is asked: which pieces have the rarest of some words.

SQLite's own `bm25` counts every word's pieces again in each question and reads a row for each piece
that it ranks. Here the pieces of the rarer words are fetched as numbers and ranked by how rare the
words are that they share; only the best of them are looked up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

# A word in more chunks than this tells nothing about any of them, and ranking costs by the chunk.
_COMMON = 1000
# What one search ranks at most: the rarest words come first, the rest is left out.
_MAX_RANKED = 1500
# Counting a word costs some ten microseconds; ranking by a word costs a little for every chunk.
_MAX_COUNTED_WORDS = 200
_MAX_RANKED_WORDS = 32
_MAX_REMEMBERED = 10_000
# Chunks that are looked up beyond those wanted: a longer one has any word more easily, and one may
# be dead.
_SPARE = 40
# BM25's constants, and the bytes of a chunk of usual length.
_K1, _B = 1.2, 0.75
_USUAL_BYTES = 1000

Rows = Callable[[str, tuple[object, ...]], list[tuple[Any, ...]]]
Piece = tuple[str, int, int, float]
# Pieces, and how rare each word is.
Found = tuple[list[Piece], dict[str, float]]


class Words:
    """Questions about words, through `rows`."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._common: set[str] = set()

    def forget(self) -> None:
        """Forget what was counted in another file."""
        self._common.clear()

    def best(self, weights: Mapping[str, float], limit: int) -> Found:
        """The pieces that fit weighted words best, with scores; and how rare each word is.

        A word that stands in no piece is the rarest. Where all words are common, as many pieces of
        one of them as can be ranked are looked at.
        """
        asked = {word: self._chunks(word) for word in list(weights)[:_MAX_COUNTED_WORDS]}
        highest = self._rows("SELECT max(id) FROM chunks", ())
        n_all = int(highest[0][0] or 0) if highest else 0
        rarities = {word: _rarity(count, n_all) for word, (count, _) in asked.items()}
        chosen = self._worth_ranking(asked, weights, rarities)
        if not chosen or limit <= 0:
            return [], rarities
        # Their numbers are compared as they were read: most are of pieces that are not looked up.
        scores: dict[str, float] = {}
        for worth, chunks in chosen:
            more = dict.fromkeys(chunks.split(","), worth)
            for chunk in scores.keys() & more.keys():
                more[chunk] += scores[chunk]
            scores |= more
        found: list[tuple[float, int, str, int, int]] = []
        at_once = limit + _SPARE
        # To put numbers in order is much cheaper than pairs of them, and few pairs are needed.
        least = sorted(scores.values(), reverse=True)[:at_once][-1]
        ranked = _in_order([item for item in scores.items() if item[1] >= least])
        for first in range(0, len(scores), at_once):
            if first == at_once:
                ranked = _in_order(scores.items())
            for chunk, path, start, end in self._pieces(ranked[first : first + at_once]):
                length = 1 - _B + _B * (end - start) / _USUAL_BYTES
                score = scores[str(chunk)] * (_K1 + 1) / (1 + _K1 * length)
                found.append((-score, chunk, path, start, end))
            if len(found) >= limit:
                break
        found.sort()
        best = [(path, start, end, -score) for score, _, path, start, end in found[:limit]]
        return best, rarities

    def containing(self, word: str, limit: int) -> list[tuple[str, int, int]]:
        """The pieces that have a word, in no order."""
        rows = self._rows(
            """SELECT f.path, c.start, c.end FROM
            (SELECT rowid AS id FROM chunk_words WHERE chunk_words MATCH ?) w
            CROSS JOIN chunks c ON c.id = w.id CROSS JOIN files f ON f.id = c.file_id LIMIT ?""",
            (f'"{word}"', limit),
        )
        return [(path, start, end) for path, start, end in rows]

    def _pieces(self, chunks: list[int]) -> Iterable[tuple[Any, ...]]:
        marks = ",".join("?" * len(chunks))
        return self._rows(
            f"""SELECT c.id, f.path, c.start, c.end FROM chunks c JOIN files f ON f.id = c.file_id
            WHERE c.id IN ({marks})""",
            tuple(chunks),
        )

    def _worth_ranking(
        self,
        asked: Mapping[str, tuple[int, str]],
        weights: Mapping[str, float],
        rarities: Mapping[str, float],
    ) -> list[tuple[float, str]]:
        """The words that say most: what each is worth, and its pieces."""
        there = [word for word, (count, _) in asked.items() if count]
        order = sorted(there, key=lambda word: -weights[word] * rarities[word])
        rare = [word for word in order if asked[word][0] <= _COMMON]
        if not rare and order:
            return [(weights[order[0]] * rarities[order[0]], self._chunks(order[0], anew=True)[1])]
        chosen: list[tuple[float, str]] = []
        ranked = 0
        for word in rare[:_MAX_RANKED_WORDS]:
            count, chunks = asked[word]
            if chosen and ranked + count > _MAX_RANKED:
                continue
            ranked += count
            chosen.append((weights[word] * rarities[word], chunks))
        return chosen

    def _chunks(self, word: str, *, anew: bool = False) -> tuple[int, str]:
        """In how many chunks a word stands, counted up to what makes it a common one, and in which:
        their numbers as one text. Of a word that is known to be common these are read `anew` only.
        """
        if word in self._common and not anew:
            return _COMMON + 1, ""
        rows = self._rows(
            """SELECT count(*), group_concat(id) FROM
            (SELECT rowid AS id FROM chunk_words WHERE chunk_words MATCH ? LIMIT ?)""",
            (f'"{word}"', _MAX_RANKED + _COMMON if anew else _COMMON + 1),
        )
        count, chunks = rows[0] if rows else (0, "")
        if count > _COMMON and len(self._common) < _MAX_REMEMBERED:
            # It stays common, whatever is written to the index.
            self._common.add(word)
        return int(count), chunks or ""


def _in_order(scores: Iterable[tuple[str, float]]) -> list[int]:
    return [chunk for _, chunk in sorted((-score, int(chunk)) for chunk, score in scores)]


def _rarity(count: int, n_all: int) -> float:
    """BM25's weight of a word that stands in `count` of `n_all` pieces. Of a common one it is only
    known that it stands in more than `_COMMON` and hardly in all: the geometric mean of both.
    """
    if count > _COMMON:
        count = int(math.sqrt(count * max(n_all, count)))
    return math.log(1 + (max(n_all, count) - count + 0.5) / (count + 0.5))
