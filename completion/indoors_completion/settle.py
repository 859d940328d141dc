"""From what the model wrote to what is shown: cut, filtered, ready for the cache."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from indoors_completion.cache import Entry, Kept, spot_at
from indoors_completion.postprocess import Context, Outcome, syntax_delta
from indoors_completion.postprocess import run as run_filters
from indoors_completion.recipe import WHOLE, Recipe
from indoors_completion.types import TokenChunk
from indoors_indexing.types import Syntax

# What the check by syntax errors may cost an answer.
SYNTAX_DEADLINE_MS = 40.0
# Asked again with the same budget, the model would say the same.
_FINAL = WHOLE | {"length"}


class Reading:
    """One answer as it comes. `stop_reason` is "" until it has ended; what follows is ignored."""

    def __init__(self, recipe: Recipe) -> None:
        self.raw = ""
        self.pieces: list[tuple[str, tuple[float, ...]]] = []
        self.stop_reason = ""
        self.reason = ""
        self._recipe = recipe
        self._ends = recipe.ends()

    def has_line(self, n_passed: int) -> bool:
        """Whether the line behind its first `n_passed` characters is whole."""
        return bool(self.stop_reason) or "\n" in self.raw[n_passed:].lstrip()

    def add(self, chunk: TokenChunk) -> None:
        """The model wrote more."""
        if self.stop_reason:
            return
        self.raw += chunk.text
        self.pieces.append((chunk.text, chunk.logprobs))
        self.stop_reason = self._ends.reached_by(self.raw, chunk.text)
        self.reason = self._ends.reason

    def end(self, stop_reason: str) -> None:
        """The model wrote no more, if it had not ended before."""
        self.stop_reason = self.stop_reason or stop_reason

    def cut(self) -> str:
        """What counts of it by now. It may go on afterwards."""
        # Judged again from the start: a judge that was asked for its verdict has ended.
        ends = self._recipe.ends()
        if self.raw:
            ends.reached_by(self.raw, self.raw)
        return ends.cut(self.raw, self.stop_reason)


class Answered(msgspec.Struct, frozen=True):
    """One answer after the filters; `raw` as the model wrote it."""

    raw: str
    reason: str
    outcome: Outcome


class Settled(msgspec.Struct, frozen=True):
    """All answers of a run as far as they have come, what is shown first, and the cache's entry."""

    answers: tuple[Answered, ...]
    entry: Entry

    @property
    def is_worth_keeping(self) -> bool:
        """Whether the cache should know it: text, or that there is none here."""
        return self.entry.complete or any(answer.text for answer in self.entry.answers)


async def settle(
    recipe: Recipe, readings: Sequence[Reading], syntax: Syntax, *, ahead: bool
) -> Settled:
    """Cut and filter what was read. Further answers count only if they are whole and different.

    `syntax` is asked whether an answer breaks the document, a few tens of milliseconds at most.
    """
    answers: list[Answered] = []
    seen: set[str] = set()
    for number, reading in enumerate(readings):
        if number and reading.stop_reason not in WHOLE:
            continue
        whole = reading.stop_reason in WHOLE
        context = recipe.context(ended=whole, logprobs=tuple(reading.pieces))
        outcome = run_filters(reading.cut(), context)
        if outcome.text:
            outcome = await _parsed(outcome, recipe, context, syntax)
        text = outcome.text.strip()
        if number and (not text or text in seen):
            continue
        seen.add(text)
        answers.append(Answered(reading.raw, reading.reason, outcome))
    # A first answer that was dropped makes room for the next best.
    answers.sort(key=lambda answer: not answer.outcome.text)
    request, place = recipe.request, recipe.place
    entry = Entry(
        spot=spot_at(place.text, place.offset),
        # A model that says nothing has nothing dropped.
        answers=tuple(Kept(a.outcome.text, a.outcome.dropped_by if a.raw else "") for a in answers),
        complete=readings[0].stop_reason in _FINAL,
        explicit=request.trigger == "explicit",
        continues=request.continues,
        ahead=ahead,
    )
    return Settled(tuple(answers), entry)


async def _parsed(outcome: Outcome, recipe: Recipe, context: Context, syntax: Syntax) -> Outcome:
    """The outcome after the last check, for which the document with the answer is parsed."""
    step = await syntax_delta.check(
        outcome.text, recipe.place, context, syntax, deadline_ms=SYNTAX_DEADLINE_MS
    )
    steps = (*outcome.steps, step)
    if step.action == "dropped":
        return Outcome("", steps, step.name)
    return Outcome(step.text, steps)
