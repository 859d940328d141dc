"""What is done while nobody waits: exact evaluations, prewarming, and the next suggestion.

All of it gives way to a request or a change at once: here, because both call `hold`, and in the
engine, because every job says `background`. One plan exists at a time, for the document that was
worked in last, and none while a request runs. Without requests and changes a plan comes to its end,
and then nothing is left that could wake up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

import msgspec

from indoors_completion.asking import Asking
from indoors_completion.place import Place, locate
from indoors_completion.runs import Run
from indoors_completion.types import (
    Completion,
    CompletionRequest,
    Document,
    Engine,
    Prefill,
)

# A moved suffix costs nothing up to 12 characters typed since it was exact, and some lines of a
# hundred at 24 (benchmarks/splice.py measures it). At 3 characters a token this is the double of
# the first: beyond it the next exact evaluation comes before everything else.
STALE_TOKENS = 12
# What was typed behind the middle marker is exact, so nothing is mended by evaluating it as prefix.
# But the room for it is bounded (`engine.anchor.MAX_TYPED`, 192 tokens): with so many, the next
# pause is used, and with so many the next moment.
TYPED_TOKENS, TYPED_URGENT = 48, 128
# Somebody who has not typed for so long has paused: between keys it is rarely more than 0.3 s.
PAUSE_S = 0.4
# Nobody reads a suggestion and accepts it within this time; somebody who types on does so mostly.
READ_S = 0.15


class _Slot(msgspec.Struct):
    """What is known of a document's part of the KV cache.

    `n_stale` and `n_typed` are those of its last evaluation (`types.Finish`), `line_start` is the
    line on which nothing was stale the last time.
    """

    line_start: int
    n_stale: int = 0
    n_typed: int = 0


class Background:
    """The background work of one pipeline.

    `asking` says how to evaluate the prompt of a request exactly.
    `speculate` starts the run ahead of an answer's acceptance and returns it (None: there is
    nothing to find out). `is_busy` says whether requests run. `sleep` is asyncio's, or a test's.
    `n_exact` counts the evaluations made here.
    """

    def __init__(
        self,
        engine: Engine,
        asking: Asking,
        speculate: Callable[[CompletionRequest, Completion], Awaitable[Run | None]],
        is_busy: Callable[[], bool],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.n_exact = 0
        self._engine = engine
        self._asking = asking
        self._speculate = speculate
        self._is_busy = is_busy
        self._sleep = sleep
        self._slots: dict[str, _Slot] = {}
        self._plan: asyncio.Task[None] | None = None

    # --- what happens ---------------------------------------------------------------------------

    def hold(self) -> None:
        """A request or a change came: stop. (A run ahead is another's to stop.)"""
        if self._plan is not None:
            self._plan.cancel()
            self._plan = None

    def evaluated(self, request: CompletionRequest, place: Place, prefill: Prefill) -> None:
        """The prompt of a place was evaluated, for whatever purpose."""
        slot = self._slots.setdefault(request.document.uri, _Slot(place.line.start))
        slot.n_stale, slot.n_typed = prefill.n_stale, prefill.n_typed
        if not slot.n_stale:
            slot.line_start = place.line.start

    def answered(self, request: CompletionRequest, place: Place, completion: Completion) -> None:
        """A request was answered. Plans the next suggestion and, if it is due, exactness."""
        if completion.stop_reason != "deadline":  # then its run still goes on
            self._begin(self._after_answer(request, place, completion))

    def typed(self, document: Document, offset: int) -> None:
        """The document changed, and perhaps nobody will ask: after a pause, be prepared."""
        self._begin(self._after_pause(document, offset))

    def warm(self, document: Document, offset: int) -> None:
        """The cursor is likely to be here soon."""
        self._begin(self._evaluate(CompletionRequest(document=document, offset=offset)))

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._slots.pop(uri, None)
        self.hold()

    async def finished(self) -> None:
        """Wait for the end of the plan."""
        while (plan := self._plan) is not None:
            await asyncio.wait({plan})
            if self._plan is plan:
                self._plan = None

    # --- plans ----------------------------------------------------------------------------------

    def _begin(self, plan: Coroutine[None, None, None]) -> None:
        self.hold()
        if self._is_busy():
            plan.close()
            return
        self._plan = asyncio.get_running_loop().create_task(plan)

    async def _after_answer(
        self, request: CompletionRequest, place: Place, completion: Completion
    ) -> None:
        slot = self._slots.get(request.document.uri, _Slot(place.line.start))
        new_line = slot.n_stale > 0 and slot.line_start != place.line.start
        due = slot.n_stale > 0 or slot.n_typed > TYPED_TOKENS
        urgent = new_line or slot.n_stale > STALE_TOKENS or slot.n_typed > TYPED_URGENT
        if urgent:
            await self._evaluate(request)
        # Who has just accepted one suggestion may accept the next one unread.
        if completion.text and not request.continues:
            await self._sleep(READ_S)
        run = await self._speculate(request, completion)
        if run is not None:
            await run.finished()
        if urgent:
            return
        due = due or self._asking.is_outgrown(request)
        if due or self._asking.may_change(request.document):
            await self._sleep(PAUSE_S)
            await self._evaluate(request, is_due=due)

    async def _after_pause(self, document: Document, offset: int) -> None:
        await self._sleep(PAUSE_S)
        await self._evaluate(CompletionRequest(document=document, offset=offset))

    async def _evaluate(self, request: CompletionRequest, *, is_due: bool = True) -> None:
        """Evaluate the prompt of a place, and nothing more; if not `is_due`, only a new head."""
        place = locate(request)
        evaluation = await self._asking.evaluation(request)
        if evaluation is None or not (is_due or evaluation.is_new):
            return
        stream = self._engine.generate(evaluation.job)
        try:
            async for item in stream:
                if isinstance(item, Prefill):
                    self.n_exact += 1
                    self.evaluated(request, place, item)
                    evaluation.done()
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()
