"""Drafts by looking them up: an edit mostly repeats its input, so what comes next stands there.

    last tokens written -> the same in the reference -> the tokens that follow there -> draft

A draft is evaluated in one batch with the token before it, and of it is kept what the model would
have written anyway ("Prompt Lookup Decoding", Saxena 2023; a greedy answer stays what it was but
for near ties, and a sampled one has the same distribution). A rejected token costs: on a CPU each
position of a batch needs the output layer over the whole vocabulary. So how long a draft is follows
from what batches cost here and how often the reference was right, and where none is worth it there
is none: never slower than without. Pure, but for what it is told.
"""

from __future__ import annotations

from collections.abc import Sequence

# An occurrence counts from so many equal tokens on.
LEAST_MATCH = 3
_MOST_MATCH = 32
# Lengths that make batches of 4, 8, 16 and 32: matrix kernels take rows in such groups, and a
# batch of two costs nearly as much as two of one.
LENGTHS = (3, 7, 15, 31)
# How sure the reference's next token is, by how many tokens before it are the same in both texts
# (up to 4, 8, 16, more): a first guess, moved by what the answer then says. Weights are those of a
# moving average.
_BUCKETS = (4, 8, 16)
_FIRST_SURE = (0.75, 0.88, 0.95, 0.97)
_WEIGHT = 0.1
# What one more position of a batch costs, as a part of a single token's time: a first guess (two
# CPU cores; on a card it is near 0), moved by what is measured.
_FIRST_SLOPE, _SLOPE_WEIGHT = 0.45, 0.2
# A draft has to promise this much more than it costs.
_MARGIN = 1.08
# The beginning of the answer, where it is also that of the reference, counts as so many tokens.
_AT_THE_BEGINNING = LEAST_MATCH + 2


class Costs:
    """What a batch costs, from what was measured: one token's time, and each further one's."""

    def __init__(self) -> None:
        self._single_s = 0.0
        self._slope = _FIRST_SLOPE
        self._slopes: dict[int, float] = {}  # by the size of the batch: they are not the same

    def measured(self, n_tokens: int, spent_s: float) -> None:
        """A batch of so many tokens, all with logits, took so long."""
        if n_tokens == 1:
            before = self._single_s or spent_s
            # Once in a while the machine does something else meanwhile.
            self._single_s = before + _SLOPE_WEIGHT * (min(spent_s, 4 * before) - before)
        elif self._single_s > 0:
            slope = min(max((spent_s / self._single_s - 1) / (n_tokens - 1), 0.0), 1.5)
            self._slope += _SLOPE_WEIGHT * (slope - self._slope)
            before = self._slopes.get(n_tokens, slope)
            self._slopes[n_tokens] = before + _SLOPE_WEIGHT * (slope - before)

    def of(self, n_tokens: int) -> float:
        """A batch's cost in single tokens."""
        return 1 + self._slopes.get(n_tokens, self._slope) * (n_tokens - 1)


class Lookup:
    """The drafts of one answer. `reference` are the tokens of the text that it may repeat."""

    def __init__(self, reference: Sequence[int], costs: Costs) -> None:
        self._reference = tuple(reference)
        self._costs = costs
        self._sure = list(_FIRST_SURE)
        self._places: dict[tuple[int, ...], list[int]] = {}
        for at in range(LEAST_MATCH, len(self._reference)):
            key = self._reference[at - LEAST_MATCH : at]
            self._places.setdefault(key, []).append(at)
        self._next = 0  # where in the reference the answer is thought to be
        # What was thought to follow, drafted or not: the length of the path, the place, the match.
        self._thought: tuple[int, int, int] | None = None
        self._n_last_draft = 0
        self.n_drafted = self.n_accepted = 0

    def draft(self, path: Sequence[int]) -> tuple[int, ...]:
        """What may follow these tokens of the answer; () where a draft would not pay."""
        self._learn(path)
        place, matched = self._place(path)
        if place is None:
            return ()
        self._next = place
        self._thought = (len(path), place, matched)
        self._n_last_draft = length = self._length(matched, len(self._reference) - place)
        self.n_drafted += length
        return self._reference[place : place + length]

    def _learn(self, path: Sequence[int]) -> None:
        """The path has grown since: so far the reference was right, or would have been."""
        if self._thought is None:
            return
        start, place, matched = self._thought
        self._thought = None
        for number, token in enumerate(path[start:]):
            if place + number >= len(self._reference):
                return
            is_right = token == self._reference[place + number]
            bucket = _bucket(matched + number)
            self._sure[bucket] += _WEIGHT * (is_right - self._sure[bucket])
            if not is_right:
                return
            self.n_accepted += number < self._n_last_draft
            self._next = place + number + 1

    def _place(self, path: Sequence[int]) -> tuple[int | None, int]:
        """Where in the reference the answer goes on, and how many tokens before are the same."""
        if len(path) < LEAST_MATCH:
            # The answer begins as the reference does: nearly always it goes on so.
            begins_so = self._reference[: len(path)] == tuple(path)
            has_more = len(self._reference) > len(path)
            return (len(path), _AT_THE_BEGINNING) if begins_so and has_more else (None, 0)
        best, best_matched, best_score = None, 0, -1.0
        for place in self._places.get(tuple(path[-LEAST_MATCH:]), ()):
            # An edit goes through its text from the beginning to the end: the first place from
            # where the answer was, unless one is preceded by much more that is the same.
            matched = self._matched(path, place)
            score = matched + 8.0 * (place >= self._next) - 0.001 * abs(place - self._next)
            if score > best_score:
                best, best_matched, best_score = place, matched, score
        return best, best_matched

    def _matched(self, path: Sequence[int], place: int) -> int:
        most = min(_MOST_MATCH, len(path), place)
        count = 0
        while count < most and path[-1 - count] == self._reference[place - 1 - count]:
            count += 1
        return count

    def _length(self, matched: int, left: int) -> int:
        """The length that is expected to pay best, 0 for none."""
        best, best_rate = 0, _MARGIN
        expected = sure = 1.0
        for number in range(min(left, LENGTHS[-1])):
            sure *= self._sure[_bucket(matched + number)]
            expected += sure
            length = number + 1
            if length not in LENGTHS and length != left:
                continue
            rate = expected / self._costs.of(length + 1)
            if rate > best_rate:
                best, best_rate = length, rate
        return best


def _bucket(matched: int) -> int:
    for number, most in enumerate(_BUCKETS):
        if matched <= most:
            return number
    return len(_BUCKETS)
