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
# So many words' pieces are kept, of which each takes some kilobytes at most.
_MAX_KEPT = 1000
# Chunks that are looked up beyond those wanted: a longer one has any word more easily, and one may
# be dead.
_SPARE = 40
# BM25's constants, and the bytes of a chunk of usual length.
_K1, _B = 1.2, 0.75
_USUAL_BYTES = 1000
# Sums of the same in another order are not quite the same.
_ROUNDED = 1e-9

Rows = Callable[[str, tuple[object, ...]], list[tuple[Any, ...]]]
Piece = tuple[str, int, int, float]
# A piece with its number, the best one first in order.
_Scored = tuple[float, int, str, int, int]
# Pieces, and how rare each word is.
Found = tuple[list[Piece], dict[str, float]]


class Words:
    """Questions about words, through `rows`."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._common: set[str] = set()
        # What was read at a version of the database; None while that may change under it.
        self._version: tuple[int, ...] | None = None
        self._kept: dict[str, tuple[int, str]] = {}
        self._highest = -1

    def forget(self) -> None:
        """Forget what was counted in another file."""
        self._common.clear()
        self.at(None)

    def at(self, version: tuple[int, ...] | None) -> None:
        """What is read from now on is of this version and may be kept as long as it is: the next
        question is mostly about the same words. Nothing is kept of None.
        """
        if version is None or version != self._version:
            self._kept.clear()
            self._highest = -1
        self._version = version

    def best(self, weights: Mapping[str, float], limit: int) -> Found:
        """The pieces that fit weighted words best, with scores; and how rare each word is.

        A word that stands in no piece is the rarest. Where all words are common, as many pieces of
        one of them as can be ranked are looked at.
        """
        asked = {word: self._chunks(word) for word in list(weights)[:_MAX_COUNTED_WORDS]}
        n_all = self._n_all()
        rarities = {word: _rarity(count, n_all) for word, (count, _) in asked.items()}
        chosen = self._worth_ranking(asked, weights, rarities)
        if not chosen or limit <= 0:
            return [], rarities
        at_once = limit + _SPARE
        scores = _sums(chosen, at_once)
        # To put numbers in order is much cheaper than pairs of them, and few pairs are needed.
        least = sorted(scores.values(), reverse=True)[:at_once][-1]
        ranked = _in_order([item for item in scores.items() if item[1] >= least])
        found = self._scored(ranked[:at_once], scores)
        if len(found) < limit:
            # Too many of the best are dead.
            scores = _sums(chosen)
            ranked = _in_order(scores.items())
            for first in range(at_once, len(ranked), at_once):
                found += self._scored(ranked[first : first + at_once], scores)
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

    def _n_all(self) -> int:
        """How many chunks there are, the dead ones too."""
        if self._highest >= 0:
            return self._highest
        rows = self._rows("SELECT max(id) FROM chunks", ())
        highest = int(rows[0][0] or 0) if rows else 0
        if self._version is not None:
            self._highest = highest
        return highest

    def _scored(self, chunks: list[int], scores: Mapping[str, float]) -> list[_Scored]:
        """Chunks that are not dead, with what is sorted by: the worth of their words, less for a
        long one, which has any word more easily.
        """
        marks = ",".join("?" * len(chunks))
        rows = self._rows(
            f"""SELECT c.id, f.path, c.start, c.end FROM chunks c JOIN files f ON f.id = c.file_id
            WHERE c.id IN ({marks})""",
            tuple(chunks),
        )
        found: list[_Scored] = []
        for chunk, path, start, end in rows:
            length = 1 - _B + _B * (end - start) / _USUAL_BYTES
            score = scores[str(chunk)] * (_K1 + 1) / (1 + _K1 * length)
            found.append((-score, chunk, path, start, end))
        return found

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
        if not anew and (known := self._kept.get(word)) is not None:
            return known
        rows = self._rows(
            """SELECT count(*), group_concat(id) FROM
            (SELECT rowid AS id FROM chunk_words WHERE chunk_words MATCH ? LIMIT ?)""",
            (f'"{word}"', _MAX_RANKED + _COMMON if anew else _COMMON + 1),
        )
        count, chunks = rows[0] if rows else (0, "")
        if count > _COMMON and len(self._common) < _MAX_REMEMBERED:
            # It stays common, whatever is written to the index.
            self._common.add(word)
        found = int(count), chunks or ""
        if self._version is not None and count <= _COMMON:
            if len(self._kept) >= _MAX_KEPT:
                self._kept.clear()
            self._kept[word] = found
        return found


def _sums(chosen: list[tuple[float, str]], wanted: int | None = None) -> dict[str, float]:
    """What the words of each chunk are worth together; for the `wanted` best only, if that is
    given: chunks are left out that cannot be one of them. Chunks are numbers as they were read:
    most are of pieces that are not looked up.
    """
    sums: dict[str, float] = {}
    rest = sum(worth for worth, _ in chosen)
    is_settled = False
    for worth, chunks in chosen:
        numbers = chunks.split(",")
        # To find out takes about as long as to add a few.
        if wanted and not is_settled and len(numbers) > wanted:
            is_settled = _is_settled(sums, wanted, rest)
        if is_settled:
            # What is met only from here on cannot come before those known.
            for chunk in sums.keys() & numbers:
                sums[chunk] += worth
        else:
            more = dict.fromkeys(numbers, worth)
            for chunk in sums.keys() & more.keys():
                more[chunk] += sums[chunk]
            sums |= more
        rest -= worth
    return sums


def _is_settled(sums: Mapping[str, float], wanted: int, rest: float) -> bool:
    """Whether so many chunks are known to be worth more than what is still to come."""
    if len(sums) < wanted:
        return False
    return sorted(sums.values(), reverse=True)[wanted - 1] > rest + _ROUNDED


def _in_order(scores: Iterable[tuple[str, float]]) -> list[int]:
    return [chunk for _, chunk in sorted((-score, int(chunk)) for chunk, score in scores)]


def _rarity(count: int, n_all: int) -> float:
    """BM25's weight of a word that stands in `count` of `n_all` pieces. Of a common one it is only
    known that it stands in more than `_COMMON` and hardly in all: the geometric mean of both.
    """
    if count > _COMMON:
        count = int(math.sqrt(count * max(n_all, count)))
    return math.log(1 + (max(n_all, count) - count + 0.5) / (count + 0.5))
