"""Generations that outlive the requests which started them.

A run reads the engine's stream in a task of its own and settles what comes at its own place, into
the cache. Requests wait for it, each as long as it can; one whose time is up is given what is
there, and the run goes on for the next one. There is one run per document, and at most one ahead of
what somebody may accept.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

import msgspec

from indoors_completion.cache import Entry, Hit, spot_at
from indoors_completion.place import Place
from indoors_completion.recipe import Recipe
from indoors_completion.settle import Answered, Reading, Settled
from indoors_completion.types import (
    CompletionRequest,
    Engine,
    Finish,
    Prefill,
    Steering,
    TokenChunk,
)


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long is waited, in seconds, where nobody's deadline says it.

    `grace_s`: a run that nobody waits for any more gets so long for the next request to come; a
    client that cancels often asks again at once, one character further on. `others_s`: once the
    first answer is whole, alternatives hold it back no longer than this.
    """

    grace_s: float = 0.05
    others_s: float = 0.8


# Ends without an answer.
_BROKEN = frozenset({"unavailable", "cancelled", "preempted"})


class Settle(Protocol):
    """Makes answers of what was read, and keeps them in the cache."""

    async def __call__(self, run: Run, *, finished: bool) -> Settled:
        """Settle what `run` has now; it goes on if not `finished`."""
        ...


class Owed(msgspec.Struct, frozen=True):
    """What was answered before the end, and in which version of the document."""

    entry: Entry
    version: int

    def is_less_than(self, entry: Entry) -> bool:
        """Whether `entry` has more to show: more of the first answer, or more answers."""
        mine, whole = self.entry.answers, entry.answers
        n_mine, n_whole = (sum(bool(a.text) for a in answers) for answers in (mine, whole))
        return len(whole[0].text) > len(mine[0].text) or n_whole > n_mine


class Run:
    """One generation. Belongs to the event loop that it was started on.

    `stop_reason` is "" while it runs, then that of its first answer, or "cancelled". `on_end` is
    called once, when it has ended in any way.
    """

    def __init__(
        self,
        recipe: Recipe,
        engine: Engine,
        settle: Settle,
        on_end: Callable[[Run], None],
        on_prefill: Callable[[Run, Prefill], None],
        clock: Callable[[], float],
        *,
        ahead: bool = False,
        patience: Patience,
    ) -> None:
        self.recipe = recipe
        self.ahead = ahead
        self.readings: list[Reading] = [Reading(recipe)]
        self.first_text_s = 0.0
        self.stop_reason = ""
        self.settled: Settled | None = None
        self.owed: Owed | None = None
        self._spot = spot_at(recipe.place.text, recipe.place.offset)
        self._engine = engine
        self._settle = settle
        self._on_end = on_end
        self._on_prefill = on_prefill
        self._clock = clock
        self._patience = patience
        self._steering = Steering()
        self._finish = Finish(stop_reason="")
        self._reported = False
        self._cancelled = False
        self._prefilled = self._has_logprobs = False
        self._n_waiting = 0
        self._grace: asyncio.TimerHandle | None = None
        self._more = asyncio.Event()
        self._has_first = asyncio.Event()
        self._done = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._read())
        self._task.add_done_callback(self._ended)

    # --- what it is -----------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether more may come."""
        return not self._cancelled and not self._task.done()

    @property
    def is_waited_for(self) -> bool:
        """Whether a request waits for it."""
        return self._n_waiting > 0

    @property
    def answer(self) -> Answered | None:
        """The first answer as it was settled last."""
        return self.settled.answers[0] if self.settled is not None else None

    def leads_to(self, text: str, offset: int) -> bool:
        """Whether what it has written so far leads through `offset` of `text`."""
        if offset - self._spot.offset > 2 * max(len(reading.raw) for reading in self.readings):
            return False
        typed = self._spot.typed(text, offset)
        return typed is not None and any(reading.raw.startswith(typed) for reading in self.readings)

    def suits(self, request: CompletionRequest, offset: int) -> bool:
        """Whether an answer made for its request may be given to this one as well, at `offset`.

        Only one that accepts may be answered with the next line; of an answer of several lines
        that is being written, the next line is just its rest.
        """
        mine = self.recipe.request
        rest = self.recipe.bounds is not None and offset > self.recipe.place.offset
        return (
            (request.trigger == "automatic" or mine.trigger == "explicit")
            and (request.trigger == "automatic" or request.n_answers <= mine.n_answers)
            and (request.multiline, request.max_lines) == (mine.multiline, mine.max_lines)
            and (mine.continues or mine.trigger == "explicit" or not request.continues or rest)
        )

    def comes_before(self, text: str, offset: int) -> bool:
        """Whether its prompt is still being evaluated, and only typing on led to `offset`."""
        return (
            not self._prefilled
            and not self._task.done()
            and self._spot.typed(text, offset) is not None
        )

    @property
    def n_written(self) -> int:
        """How many characters its first answer has by now."""
        return len(self.readings[0].raw)

    def n_typed(self, place: Place) -> int:
        """How many of its characters were typed since, if it leads to `place`."""
        return len(self._spot.typed(place.text, place.offset) or "")

    def says(self, request: CompletionRequest, place: Place) -> Hit | None:
        """What it says at a place, as it was settled last; None if that is no answer there."""
        if self.settled is None:
            return None
        entry = self.settled.entry
        hit = entry.match(place.text, place.offset, unfinished=True)
        explicit = request.trigger == "explicit"
        if hit is None or not entry.serves(hit, explicit=explicit, continues=request.continues):
            return None
        return hit

    def report(self) -> Finish | None:
        """The token counts so far, the first time; None afterwards."""
        if self._reported:
            return None
        self._reported = True
        return self._finish

    # --- waiting for it -------------------------------------------------------------------------

    async def wait(
        self, left_s: float, target_s: float | None, version: int, n_passed: int = 0
    ) -> None:
        """Wait for its end, at most `left_s`; if `target_s` is given, until then or for the line
        behind the first `n_passed` characters, whatever comes last. Alternatives are not waited
        for as long. Raises what made it fail, if that was a fault of ours.

        Afterwards it is settled as far as it has come, unless it ended without an answer. `version`
        is the document's, for whom it then owes the rest.
        """
        self._n_waiting += 1
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        try:
            await self._enough(left_s, target_s, n_passed)
            if self.is_running:
                await self._give_what_is_there(version)
        finally:
            self._n_waiting -= 1
            if not self.is_waited_for and self.is_running and self.owed is None:
                loop = asyncio.get_running_loop()
                self._grace = loop.call_later(self._patience.grace_s, self.cancel)
        if self._task.done() and not self._task.cancelled() and (error := self._task.exception()):
            raise error

    async def _enough(self, left_s: float, target_s: float | None, n_passed: int) -> None:
        """Wait until there is enough for an answer, at most `left_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, left_s)):
                if target_s is not None:
                    await _within(self._done, target_s)
                    await self._line_behind(n_passed)
                elif self.recipe.job.n_alternatives > 1:
                    await self._has_first.wait()
                    await _within(self._done, self._patience.others_s)
                else:
                    await self._done.wait()

    async def _line_behind(self, n_passed: int) -> None:
        """Wait until the line behind the first `n_passed` characters is whole, or for the end."""
        while not self._done.is_set() and not self.readings[0].has_line(n_passed):
            self._more.clear()
            await self._more.wait()

    async def _give_what_is_there(self, version: int) -> None:
        settled = await self._settle(self, finished=False)
        if self.is_running:
            self.settled = settled
            self.owed = Owed(settled.entry, version)

    async def finished(self) -> None:
        """Wait for its end, however it comes; cancelling the wait leaves it alone."""
        await self._done.wait()

    def cancel(self) -> None:
        """End it; what it would have said is lost, what the engine evaluated is kept there."""
        self._cancelled = True
        self._task.cancel()

    def let_go(self) -> None:
        """Nobody wants its answer any more, but the prompt that is being evaluated serves the
        next one, which only goes on from it: end it behind its prefill."""
        self._cancelled = True
        self.stop_reason = "cancelled"
        if self._grace is not None:
            self._grace.cancel()
        for event in (self._done, self._has_first, self._more):
            event.set()

    # --- reading --------------------------------------------------------------------------------

    async def _read(self) -> None:
        stream = self._engine.generate(self.recipe.job, self._steering)
        try:
            async for item in stream:
                if self._take(item):
                    break
            else:
                self._close("unavailable")  # a stream without its Finish
        finally:
            # An asynchronous generator is closed here, not when it is collected: closing it is what
            # cancels the generation. Not every iterator has the method.
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()
        if self.readings[0].stop_reason not in _BROKEN:
            self.settled = await self._settle(self, finished=True)
        self.stop_reason = self.readings[0].stop_reason

    def _take(self, item: Prefill | TokenChunk | Finish) -> bool:
        """Read one item; True once nothing more is wanted."""
        if isinstance(item, Finish):
            n_generated = max(self._finish.n_generated, item.n_generated)
            self._finish = _replace(item, n_generated)
            self._close(item.stop_reason)
            return True
        if isinstance(item, Prefill):
            self._finish, self._prefilled = _so_far(item), True
            self._on_prefill(self, item)
            if self._cancelled:
                self._close("cancelled")
            return self._cancelled
        self._has_logprobs = self._has_logprobs or bool(item.logprobs)
        n_tokens = len(item.logprobs) if self._has_logprobs else 1
        self._finish = _replace(self._finish, self._finish.n_generated + n_tokens)
        self.first_text_s = self.first_text_s or self._clock()
        while len(self.readings) <= item.alternative:
            self.readings[-1].end(self._own_end())
            self.readings.append(Reading(self.recipe))
        self.readings[item.alternative].add(item)
        self._more.set()
        if self.readings[0].stop_reason:
            self._has_first.set()
        is_last = len(self.readings) >= self.recipe.job.n_alternatives
        if self.readings[-1].stop_reason and not is_last:
            # It would go on to its length, and the next one would come too late to be shown.
            self._steering.enough(item.alternative)
        return is_last and all(reading.stop_reason for reading in self.readings)

    def _own_end(self) -> str:
        """Why the model ended an answer when the next one begins."""
        pieces = self.readings[-1].pieces
        n_tokens = sum(len(logprobs) for _, logprobs in pieces) or len(pieces)
        return "length" if n_tokens >= self.recipe.job.max_tokens else "eos"

    def _close(self, stop_reason: str) -> None:
        """The stream has ended, and says why its first answer did."""
        self.readings[0].end(stop_reason)
        self.readings[-1].end(stop_reason if stop_reason in _BROKEN else self._own_end())

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._grace is not None:
            self._grace.cancel()
        if task.cancelled() or task.exception() is not None:
            self.stop_reason = "cancelled"
        for event in (self._done, self._has_first, self._more):
            event.set()
        self._on_end(self)


async def _within(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, for so long at most."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, seconds)):
            await event.wait()


def _replace(finish: Finish, n_generated: int) -> Finish:
    return msgspec.structs.replace(finish, n_generated=n_generated)


def _so_far(prefill: Prefill) -> Finish:
    """What is known of an answer that may be cut short once its prompt is evaluated."""
    return Finish(
        stop_reason="",
        n_prompt=prefill.n_prompt,
        n_reused=prefill.n_reused,
        n_evaluated=prefill.n_evaluated,
        n_moved=prefill.n_moved,
        n_stale=prefill.n_stale,
        n_typed=prefill.n_typed,
    )
