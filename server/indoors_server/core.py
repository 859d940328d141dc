"""The composition that the server and the command line share: model, engine, syntax, pipeline.

    locate (a thread: files, hashes, the card)  ->  EngineProcess + SyntaxClient  ->  Pipeline

What is missing is an error with its next step, never an exception into the event loop, and it is
looked for again: a model that `indoors setup` brings later is used without a restart.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import subprocess
import time
from collections.abc import Callable, Coroutine
from functools import partial

import msgspec

from indoors_completion.cache import CompletionCache
from indoors_completion.engine.process import EngineProcess, EngineState
from indoors_completion.heads import slots_of
from indoors_completion.pipeline import Pipeline
from indoors_completion.refactor.editing import Editing
from indoors_completion.refactor.types import NoSafeEdit
from indoors_completion.types import (
    Completion,
    CompletionRequest,
    Document,
    Engine,
    EngineError,
    IndoorsError,
    ModelError,
    ModelInfo,
    Span,
)
from indoors_indexing.languages import by_language_id
from indoors_indexing.types import Outline, Retrieval
from indoors_server import children, lockdown, waiting
from indoors_server.door import NoDoor
from indoors_server.elsewhere import Elsewhere, nothing
from indoors_server.index_client import IndexClient
from indoors_server.indexer_process import IndexerProcess
from indoors_server.located import Located, facts_of, locate
from indoors_server.policies import Policies
from indoors_server.router import Kind, Route
from indoors_server.settings import Settings
from indoors_server.status import EngineStats, EngineStatus, Facts, Work
from indoors_server.syntax_client import SyntaxClient

_log = logging.getLogger("indoors.core")

RECHECK_AFTER_S = 3.0
PATIENCE_S = 2.0


class EngineCore:
    """The `service.Core` with real processes. All methods run on one event loop.

    `elsewhere` are the engines elsewhere; without a way out there are none.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        retrieval: Retrieval | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._clock = clock
        self._retrieval = retrieval
        self._elsewhere = elsewhere or Elsewhere(NoDoor(), clock)
        self._facts = Facts(phase="loading", progress=0.0)
        self._settings: Settings | None = None
        self._on_change: Callable[[], None] = lambda: None
        self._on_more: Callable[[str, int], None] = lambda _uri, _version: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engine: EngineProcess | None = None
        self._policies = Policies()
        self._indexer = IndexerProcess(lambda *options: self._spawn("indexer", *options))
        self.index = IndexClient(self._indexer)
        self._syntax: SyntaxClient | None = None
        self._pipeline: Pipeline | None = None
        self._located: Located | None = None
        self._locating = False
        self._located_at_s = 0.0
        self._error: IndoorsError | None = None
        self._closed = False
        self._cache = CompletionCache()
        self._ids = (f"{number:x}" for number in itertools.count(1))
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def facts(self) -> Facts:
        """What is known about the engines now."""
        return self._elsewhere.facts(self._facts)

    @property
    def engines(self) -> tuple[EngineStatus, ...]:
        """The engines that rules name, as far as a person has to know of them."""
        return self._elsewhere.beside(self._facts)

    @property
    def model(self) -> ModelInfo | None:
        """The loaded model."""
        return self._engine.model if self._engine is not None else None

    def route(self, kind: Kind, document: Document) -> Route:
        """Which engine answers a request about a document, and why."""
        return self._elsewhere.route(kind, document)

    def model_for(self, kind: Kind, document: Document) -> ModelInfo | None:
        """The model that answers such a request, None while none would."""
        route = self.route(kind, document)
        if route.where == "onprem":
            return self._elsewhere.lane(route).servers.model
        return self.model if route.where == "local" else None

    @property
    def located(self) -> Located | None:
        """What was found on disk for the load."""
        return self._located

    @property
    def lock(self) -> str:
        """The least of the lock-down states of engine and indexer, "" while neither has said."""
        states = [self._indexer.lock, self._engine.state.lock if self._engine else ""]
        return lockdown.least(states) if any(states) else ""

    def obey(self, policies: Policies) -> None:
        """From the next start of a process and the next load on, these policies count."""
        self._policies = policies
        self._elsewhere.policies = policies

    def _spawn(self, role: str, *options: str) -> subprocess.Popen[bytes]:  # noqa: TID251 - a type
        strict = ["--strict"] if self._policies.strict else []
        return children.spawn(role, *strict, *options)

    # --- loading ------------------------------------------------------------------------------

    def start(
        self,
        settings: Settings,
        on_change: Callable[[], None],
        on_more: Callable[[str, int], None] = lambda _uri, _version: None,
    ) -> None:
        """Start the indexer and, in the background, find and load the model."""
        self._loop = asyncio.get_running_loop()
        self._on_change = on_change
        self._on_more = on_more
        self._settings = settings
        self._syntax = SyntaxClient(self._indexer)
        self._in_background(self._indexer.start())
        self._elsewhere.connect(self._pipeline_for, on_change)
        self._elsewhere.use(settings.engine_rules)
        self._locate()

    def reconfigure(self, settings: Settings) -> None:
        """Use other settings; loads again only if the model or the engine's part changed."""
        self._settings = settings
        if self._pipeline is not None:
            self._pipeline.use(settings.suffix_reuse)
        self._elsewhere.use(settings.engine_rules)
        self._locate()

    def recheck(self) -> None:
        """Look again for what was missing: here at most every few seconds, elsewhere as soon as the
        pause of what failed is over.
        """
        self._elsewhere.look_again()
        waited_s = self._clock() - self._located_at_s
        if self._facts.phase == "error" and waited_s >= RECHECK_AFTER_S:
            self._locate()
            self._elsewhere.look()

    def _locate(self) -> None:
        """Find model and engine in a thread: it touches the disk, and the first time it hashes."""
        if self._locating or self._closed or self._settings is None:
            return
        self._locating = True
        settings, policies = self._settings, self._policies
        waiting.in_thread(
            lambda: locate(settings, self._hashing, policies), partial(self._found, settings)
        )

    def _hashing(self, fraction: float) -> None:
        # Called for every megabyte; whole percents are enough.
        if round(fraction * 100) != round((self._facts.progress or 0.0) * 100):
            reason = "checking the model's sha256"
            facts = Facts(phase="loading", reason=reason, progress=round(fraction, 2))
            assert self._loop is not None
            waiting.on_loop(self._loop, self._become, facts)

    def _found(self, settings: Settings, found: Located | IndoorsError) -> None:
        self._locating = False
        self._located_at_s = self._clock()
        if self._closed:
            return
        if settings is not self._settings:
            self._locate()
            return
        if isinstance(found, IndoorsError):
            self._drop_engine()
            self._fail(found)
            return
        if self._located is not None and self._located.key == found.key and self._engine:
            return
        self._drop_engine()
        self._located = found
        self._become(Facts(phase="loading", model=found.model.name, progress=0.0))
        self._start_engine(found)

    def _start_engine(self, found: Located) -> None:
        """On the loop's thread: on Linux a child dies with the thread that started it."""
        engine = EngineProcess(
            partial(self._spawn, "worker", *found.arguments),
            found.load,
            on_state=self._engine_state,
        )
        self._engine, self._pipeline = engine, self._pipeline_for(engine)
        engine.start()

    def _pipeline_for(self, engine: Engine) -> Pipeline:
        assert self._syntax is not None
        assert self._settings is not None
        return Pipeline(
            engine,
            self._syntax,
            self._cache,
            self._clock,
            lambda: next(self._ids),
            retrieval=self._retrieval,
            forget_tree=self._syntax.forget,
            on_more=self._on_more,
            reuse=self._settings.suffix_reuse,
        )

    def _engine_state(self, state: EngineState) -> None:
        """The engine's state changed (called on the loop's thread)."""
        if self._located is None or self._closed or state.phase == "stopped":
            return
        if state.phase == "failed":
            self._fail(state.error or EngineError("The engine stopped."))
        elif state.model is not None and not state.model.family:
            # Never used silently: it would only ever answer with nothing.
            self._fail(ModelError(state.model.advice, next_step="indoors models list"))
        else:
            self._error = None
            self._become(facts_of(state, self._located))

    def _fail(self, error: IndoorsError) -> None:
        self._error = error
        reason = " ".join(part for part in (error.what, error.why) if part)
        self._become(Facts(phase="error", reason=reason, next_step=error.next_step))

    def _drop_engine(self) -> None:
        if self._pipeline is not None:
            self._pipeline.cancel()
        if self._engine is not None:
            self._in_background(self._engine.close())
        self._engine = self._pipeline = None

    def _become(self, facts: Facts) -> None:
        if facts != self._facts:
            self._facts = facts
            self._changed.set()
            self._on_change()

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- completing ---------------------------------------------------------------------------

    async def wait_ready(self, route: Route | None = None) -> None:
        """Wait for the model of a route, else the local one. Raises what keeps it away."""
        if route is not None and route.where != "local":
            await self._elsewhere.wait_ready(route)
            return
        while self._facts.phase == "loading":
            self._changed.clear()
            await self._changed.wait()
        if self._error is not None:
            raise self._error

    async def complete(self, request: CompletionRequest) -> Completion:
        """Complete; an empty completion where the engine that is chosen does not answer."""
        return await self._elsewhere.answer(request, self._complete_here)

    async def _complete_here(self, request: CompletionRequest) -> Completion:
        if self._pipeline is None:
            self.recheck()  # engines elsewhere may be ready, so that nobody else looks for it
            return nothing(request, "no model is loaded")
        return await self._pipeline.complete(request)

    def is_ready(self, request: CompletionRequest) -> bool:
        """Whether the request would be answered without asking the model anything new."""
        route = self.route("completion", request.document)
        if route.where != "local":
            return self._elsewhere.is_ready(route, request)
        return self._pipeline is None or self._pipeline.is_ready(request)

    @property
    def work(self) -> Work:
        """What was done for requests, and ahead of them, with this engine."""
        counts = self._pipeline.counts if self._pipeline is not None else None
        return Work() if counts is None else msgspec.convert(msgspec.to_builtins(counts), Work)

    async def stats(self) -> EngineStats | None:
        """What the worker has done since it started; None if it does not say."""
        if self._engine is None:
            return None
        try:
            stats = await self._engine.stats()
        except EngineError:
            return None
        return msgspec.convert(stats, EngineStats, from_attributes=True)

    async def complete_patiently(self, request: CompletionRequest) -> Completion:
        """As `complete`, but the first parse and the first look into the index get their time.

        An editor's request does not wait for a tree that is not there yet; a person who asks once
        in a terminal should see what the editor shows a moment after the file was opened.
        """
        if (syntax := self._syntax) is not None and by_language_id(request.document.language):
            await waiting.patiently(
                lambda: syntax.site(request.document, request.offset), self._clock, PATIENCE_S
            )
        if self._retrieval is not None:
            nowhere = Span(request.offset, request.offset)
            snippets = self._retrieval.snippets(request.document, request.offset, nowhere, 1)
            await waiting.at_most(PATIENCE_S, snippets)
        return await self.complete(request)

    async def outline(self, document: Document, patience_s: float = 0.0) -> Outline | None:
        """What a document's whole text says; a parser that is only just started is waited for."""
        if (syntax := self._syntax) is None or by_language_id(document.language) is None:
            return None
        return await waiting.patiently(
            lambda: syntax.outline(document.language, document.text), self._clock, patience_s
        )

    def editing(self, document: Document) -> Editing | NoSafeEdit:
        """What makes edits of a document, or why nothing does."""
        engine: Engine | None = self._engine
        route = self.route("refactor", document)
        if route.where == "onprem":
            engine = self._elsewhere.lane(route).editor
        elif route.where != "local":
            return NoSafeEdit(reason=f"no engine edits this ({route.reason})")
        if engine is None or self._syntax is None:
            self.recheck()
            return NoSafeEdit(reason=self._facts.reason or "no model is loaded")
        return Editing(engine, self._syntax)

    def opened(self, document: Document) -> None:
        """Let the indexer parse the document before the first question is in a hurry."""
        if self._syntax is not None and by_language_id(document.language) is not None:
            self._in_background(self._parse(self._syntax, document))

    async def _parse(self, syntax: SyntaxClient, document: Document) -> None:
        await syntax.site(document, 0)

    def changed(self, document: Document, offset: int | None, *, background: bool) -> None:
        """A document changed, the last edit ended at `offset`."""
        if self._pipeline is not None:
            background = background and self.route("completion", document).where == "local"
            self._pipeline.changed(document, offset, background=background)
        self._elsewhere.changed(document, offset)

    def warm(self, document: Document, offset: int | None) -> None:
        """Evaluate a document in the background, for the cursor at `offset`."""
        if self._pipeline is not None and self.route("completion", document).where == "local":
            self._pipeline.warm(document, offset)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        if self._pipeline is not None:
            self._pipeline.forget(uri)
        self._elsewhere.forget(uri)
        if self._syntax is not None:
            self._syntax.forget(uri)
        if self._engine is not None:
            for slot in slots_of(uri):
                self._engine.forget(slot)

    async def close(self) -> None:
        """End the worker and the indexer; may be called again."""
        self._closed = True
        self._drop_engine()
        self._elsewhere.close()
        if self._syntax is not None:
            self._syntax = None
            await self._indexer.close()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
