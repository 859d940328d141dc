"""One completion, from the cursor to the text that is shown.

    place -> cache -> gate -> run: syntax -> budget -> window -> render -> generate -> settle

A request is answered from the cache, or by a run: its own, or one that an earlier request started
and that leads through this cursor. What follows the answer is done in the background.

The pipeline is pure but for the engine and the syntax service, which it is given, and reads time
only from the clock it is given. Every step leaves a `Stage` with its reason, for `--explain`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from indoors_completion import ahead, gate
from indoors_completion import cache as caches
from indoors_completion.asking import Asking, tree_of
from indoors_completion.background import Background
from indoors_completion.cache import CompletionCache, Hit, Key
from indoors_completion.draft import Draft
from indoors_completion.families import Family
from indoors_completion.place import Place, context_of, locate
from indoors_completion.recipe import Recipe, Reuse
from indoors_completion.running import Runs
from indoors_completion.runs import Patience, Run
from indoors_completion.settle import Settled, settle
from indoors_completion.types import (
    Completion,
    CompletionRequest,
    Document,
    Engine,
    ModelInfo,
    Prefill,
    SyntaxSite,
)
from indoors_indexing.types import Retrieval, Syntax

# A run may end under a request (another one took its place): how often it looks for the next one.
_ATTEMPTS = 3


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What happened since the start.

    `runs` were started for a request, `joined` requests waited for one that another had started.
    `speculated` runs went ahead of an acceptance and `ahead_hits` of them were then asked for.
    `exact` evaluations were made in the background.
    """

    runs: int = 0
    joined: int = 0
    speculated: int = 0
    ahead_hits: int = 0
    exact: int = 0


class Pipeline:
    """Completes. One instance serves all documents, on one event loop.

    `retrieval` finds the snippets of requests that bring none. `clock` gives seconds on any steady
    scale; `new_id` names each completion. `forget_tree` drops what the syntax service keeps for a
    uri. `on_more(uri, version)` is called when a document whose request was answered early has more
    to show. `reuse` "exact" never lets a suffix be moved.
    """

    def __init__(
        self,
        engine: Engine,
        syntax: Syntax,
        cache: CompletionCache,
        clock: Callable[[], float],
        new_id: Callable[[], str],
        *,
        retrieval: Retrieval | None = None,
        forget_tree: Callable[[str], None] = lambda _: None,
        on_more: Callable[[str, int], None] = lambda _uri, _version: None,
        reuse: Reuse = "auto",
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        patience: Patience | None = None,
    ) -> None:
        self._engine = engine
        self._syntax = syntax
        self._cache = cache
        self._clock = clock
        self._new_id = new_id
        self._forget_tree = forget_tree
        self._patience = patience or Patience()
        self._asking = Asking(engine, syntax, retrieval, clock, reuse)
        self._runs = Runs(self._launch, on_more)
        self._background = Background(
            engine, self._asking, self._speculate, lambda: self._n_waiting > 0, sleep
        )
        self._n_waiting = self._n_joined = self._n_ahead_hits = 0

    @property
    def counts(self) -> Counts:
        """What happened so far."""
        return Counts(
            runs=self._runs.n_started,
            joined=self._n_joined,
            speculated=self._runs.n_ahead,
            ahead_hits=self._n_ahead_hits + self._runs.n_taken_up,
            exact=self._background.n_exact,
        )

    # --- what the editor does -------------------------------------------------------------------

    async def complete(
        self, request: CompletionRequest, site: SyntaxSite | None = None
    ) -> Completion:
        """The completion for `request`; `text` is "" where there is nothing to show.

        `site` saves asking the syntax service, if the caller knows it. Cancelling the task lets go
        of the generation, which ends if no other request takes it up. A missing or unfit model, or
        an odd request, gives an empty completion whose `stop_reason` says so ("unavailable",
        "unfit", "gate"), never an error.
        """
        place = locate(request)
        draft = Draft(self._new_id(), place, self._clock)
        self._background.hold()
        self._n_waiting += 1
        try:
            completion = await self._complete(request, place, draft, site)
        finally:
            self._n_waiting -= 1
        if request.background and completion.source != "none":
            self._background.answered(request, place, completion)
        return completion

    def is_ready(self, request: CompletionRequest) -> bool:
        """Whether `request` would be answered without asking the model anything new."""
        model = self._engine.model
        if model is None:
            return True
        place = locate(request)
        key = caches.key(request.document.uri, model.key, request.snippets)
        if self._lookup(key, request, place, peek=True) is not None:
            return True
        return self._runs.leading(key, request, place, peek=True) is not None

    def changed(self, document: Document, offset: int | None, *, background: bool = False) -> None:
        """A document changed; the last edit ended at `offset` (None: not known).

        What is computed for a text that the edit does not lead to ends at once. With `background`,
        a pause after it is used to prepare for a request.
        """
        self._background.hold()
        self._runs.changed(document, offset)
        if background and offset is not None:
            self._background.typed(document, offset)

    def warm(self, document: Document, offset: int | None) -> None:
        """A document was opened or has the focus, the cursor at `offset` (None: not known).

        Without a cursor only a document that fits into the window before it is evaluated: whatever
        cursor comes, the text before it is then in the cache.
        """
        if offset is None:
            offset = len(document.text)
            if not self._asking.fits_before(document):
                return
        self._background.warm(document, offset)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._runs.forget(uri)
        self._background.forget(uri)
        self._asking.heads.forget(uri)
        self._forget_tree(tree_of(uri))

    def use(self, reuse: Reuse) -> None:
        """Let suffixes be moved from now on, or not."""
        self._asking.reuse = reuse

    def cancel(self) -> None:
        """End all that runs; requests that wait are answered empty."""
        self._background.hold()
        self._runs.cancel_all()

    async def finished(self) -> None:
        """Wait until nothing runs any more, in the background neither."""
        await self._runs.finished()
        await self._background.finished()
        await self._runs.finished()

    # --- answering ------------------------------------------------------------------------------

    async def _complete(
        self, request: CompletionRequest, place: Place, draft: Draft, site: SyntaxSite | None
    ) -> Completion:
        model = self._engine.model
        if model is None:
            return draft.nothing("engine", "no model is loaded", "unavailable")
        able = self._asking.able()
        if able is None:
            return draft.nothing("engine", f"{model.name} cannot fill in the middle", "unfit")
        fits = gate.selected_fits(request)
        if not fits.yes:
            return draft.nothing("gate", fits.reason, "gate")

        n_others = request.n_answers - 1 if request.trigger == "explicit" else 0
        key = caches.key(request.document.uri, model.key, request.snippets)
        hit = self._lookup(key, request, place)
        if hit is not None:
            draft.note("cache", "hit", _way(hit))
            self._n_ahead_hits += hit.ahead
            return draft.cached(hit, context_of(place, able[1]), n_others=n_others)
        draft.note("cache", "miss")

        admitted = gate.admit(request, place.line)
        if not admitted.yes:
            return draft.nothing("gate", admitted.reason, "gate")
        left = _ATTEMPTS
        while True:
            left -= 1
            run, joined = await self._run_for(request, place, key, able, draft, site)
            hit = await self._answer_of(run, request, place, draft, joined=joined)
            if hit is not None:
                context = context_of(place, able[1])
                return draft.generated(hit, context, run, joined=joined, n_others=n_others)
            # One that gave way or led elsewhere leaves the question open. One that was cancelled
            # did so because the document has moved on, unless another took its place.
            again = joined
            if run.stop_reason == "cancelled":
                again = self._runs.leading(key, request, place, peek=True) is not None
            if not (again and left):
                stop_reason = run.stop_reason or "deadline"
                return draft.nothing("engine", stop_reason, stop_reason)

    def _lookup(
        self, key: Key, request: CompletionRequest, place: Place, *, peek: bool = False
    ) -> Hit | None:
        return self._cache.lookup(
            key,
            place.text,
            place.offset,
            explicit=request.trigger == "explicit",
            continues=request.continues,
            peek=peek,
        )

    async def _run_for(
        self,
        request: CompletionRequest,
        place: Place,
        key: Key,
        able: tuple[ModelInfo, Family],
        draft: Draft,
        site: SyntaxSite | None,
    ) -> tuple[Run, bool]:
        """The run that leads here, and True; else a new one, and False."""
        if (run := self._runs.leading(key, request, place)) is not None:
            return run, True
        made = await self._asking.recipe(request, place, key, able, draft.note, site)
        # One may have been started while the tree was asked.
        if (run := self._runs.leading(key, request, place)) is not None:
            return run, True
        return self._runs.start(made), False

    async def _answer_of(
        self, run: Run, request: CompletionRequest, place: Place, draft: Draft, *, joined: bool
    ) -> Hit | None:
        """Wait for a run as long as the request can; what it says here, None if nothing."""
        if joined:
            self._n_joined += 1
            typed = place.offset - run.recipe.place.offset
            draft.note("run", "joined", f"{typed} characters typed since it was started")
        n_passed = run.n_typed(place)
        while True:
            left_s = (request.deadline_ms - draft.elapsed_ms()) / 1000
            target_ms = request.target_ms
            target_s = None if target_ms is None else (target_ms - draft.elapsed_ms()) / 1000
            if joined and target_s is not None:
                target_s = 0.0  # its first line may be there already, for example after an accept
            await run.wait(left_s, target_s, request.document.version, n_passed)
            if left_s <= 0 or not run.is_running or run.says(request, place) is not None:
                break
            # So far it only has what was typed or accepted, or half a statement more: a line more.
            n_passed = run.n_written
        answer = run.answer
        if answer is None or run.stop_reason == "cancelled":
            return None
        reason = answer.reason or run.stop_reason or "its time is up; it goes on"
        draft.note("generate", f"{len(answer.raw)} characters", reason)
        draft.note("filter", answer.outcome.dropped_by or "kept", answer.outcome.steps[-1].reason)
        return run.says(request, place)

    # --- runs -----------------------------------------------------------------------------------

    def _launch(self, made: Recipe, is_ahead: bool, on_end: Callable[[Run], None]) -> Run:
        return Run(
            made,
            self._engine,
            self._settle,
            on_end,
            self._evaluated,
            self._clock,
            ahead=is_ahead,
            patience=self._patience,
        )

    def _evaluated(self, run: Run, prefill: Prefill) -> None:
        self._background.evaluated(run.recipe.request, run.recipe.place, prefill)

    async def _settle(self, run: Run, *, finished: bool) -> Settled:
        """Filter what a run has, and keep it."""
        settled = await settle(run.recipe, run.readings, self._syntax, ahead=run.ahead)
        # What ended while this was filtered was kept already, as a whole.
        if settled.is_worth_keeping and (finished or run.is_running):
            self._cache.store(run.recipe.key, settled.entry)
        return settled

    async def _speculate(self, request: CompletionRequest, completion: Completion) -> Run | None:
        """Start the run ahead of the acceptance of `completion`, or find the one that is there."""
        following, able = ahead.following(request, completion), self._asking.able()
        if following is None or able is None:
            return None
        place = locate(following)
        if (running := self._runs.ahead_of(place)) is not None:
            return running
        key = caches.key(request.document.uri, able[0].key, request.snippets)
        known = self._lookup(key, following, place, peek=True) is not None
        if known or not gate.admit(following, place.line).yes:
            return None
        made = await self._asking.recipe_ahead(following, place, key, able)
        return self._runs.start_ahead(made, ahead.suggestion(request, completion))


def _way(hit: Hit) -> str:
    if hit.n_typed < 0:
        return f"{-hit.n_typed} characters deleted since"
    return f"{hit.n_typed} characters typed through"
