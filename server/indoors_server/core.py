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
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial

import msgspec

from indoors_completion.cache import CompletionCache
from indoors_completion.engine import wire
from indoors_completion.engine.process import EngineProcess, EngineState
from indoors_completion.pipeline import Pipeline
from indoors_completion.types import (
    Completion,
    CompletionRequest,
    Document,
    EngineError,
    IndoorsError,
    ModelError,
    ModelInfo,
    Span,
)
from indoors_indexing.languages import by_language_id
from indoors_server import card_use, children, engine_store, fit, machine, model_choice, model_store
from indoors_server.engine_store import EngineBuild
from indoors_server.model_store import ResolvedModel
from indoors_server.settings import Settings
from indoors_server.status import Facts
from indoors_server.syntax_client import SyntaxClient

_log = logging.getLogger("indoors.core")

RECHECK_AFTER_S = 3.0
PATIENCE_S = 2.0


class Located(msgspec.Struct, frozen=True):
    """What a load needs: found, checked, and where it goes."""

    model: ResolvedModel
    engine: EngineBuild
    load: wire.Load
    card_problem: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """Equal keys need no new load."""
        return (self.engine.directory, self.load)


def locate(settings: Settings, progress: Callable[[float], None] | None = None) -> Located:
    """Find the model and the engine and decide where the model goes. Blocks: it may hash the file.

    `progress` gets the hashed fraction. Raises IndoorsError.
    """
    engine = engine_store.require()
    path = model_store.locate(settings.model or model_choice.chosen())
    total = max(1, path.stat().st_size if path.is_file() else 1)
    report = None if progress is None else lambda done: progress(min(1.0, done / total))
    model = model_store.resolve_path(path, report)
    n_gpu_layers, main_gpu = gpu_layers(settings, model, engine)
    load = wire.Load(
        path=str(model.path),
        n_ctx=settings.context_tokens,
        n_gpu_layers=n_gpu_layers,
        main_gpu=main_gpu,
        n_threads=settings.threads,
        identity=model.identity,
        sha256=model.sha256,
    )
    card = card_use.of(engine)
    problem = f"{card.problem} Next: {card.next_step}" if card.problem else ""
    return Located(model, engine, load, problem)


def gpu_layers(settings: Settings, model: ResolvedModel, engine: EngineBuild) -> tuple[int, int]:
    """How many layers go to which card: (n_gpu_layers, main_gpu).

    Raises ModelError if the model does not fit into this machine's memory at all.
    """
    if isinstance(settings.gpu_layers, int):
        return settings.gpu_layers, settings.main_gpu
    cards: tuple[fit.Card, ...] = ()
    if engine.backend in ("cuda", "metal", "vulkan"):
        from indoors_server import engine_probe

        cards = engine_probe.probe(engine).cards
    memory = machine.memory()
    plan = fit.plan(
        fit.estimate_shape(model.size_bytes),
        cards,
        memory.available_bytes,
        n_ctx=settings.context_tokens,
    )
    if not plan.fits and plan.needed_bytes > memory.available_bytes:
        raise ModelError(
            f"{model.name} does not fit into memory.",
            why=plan.reason,
            next_step="close other programs, or choose a smaller model (indoors models list)",
        )
    return plan.n_gpu_layers, plan.main_gpu


class EngineCore:
    """The `service.Core` with real processes. All methods run on one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._facts = Facts(phase="loading", progress=0.0)
        self._settings: Settings | None = None
        self._on_change: Callable[[], None] = lambda: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engine: EngineProcess | None = None
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
        """What is known about the engine now."""
        return self._facts

    @property
    def model(self) -> ModelInfo | None:
        """The loaded model."""
        return self._engine.model if self._engine is not None else None

    @property
    def located(self) -> Located | None:
        """What was found on disk for the load."""
        return self._located

    # --- loading ------------------------------------------------------------------------------

    def start(self, settings: Settings, on_change: Callable[[], None]) -> None:
        """Start the indexer and, in the background, find and load the model."""
        self._loop = asyncio.get_running_loop()
        self._on_change = on_change
        self._settings = settings
        self._syntax = SyntaxClient(partial(children.spawn, "indexer"))
        self._in_background(self._syntax.start())
        self._locate()

    def reconfigure(self, settings: Settings) -> None:
        """Use other settings; loads again only if the model or the engine's part changed."""
        self._settings = settings
        self._locate()

    def recheck(self) -> None:
        """Look again for what was missing, at most every few seconds."""
        waited_s = self._clock() - self._located_at_s
        if self._facts.phase == "error" and waited_s >= RECHECK_AFTER_S:
            self._locate()

    def _locate(self) -> None:
        """Find model and engine in a thread: it touches the disk, and the first time it hashes."""
        if self._locating or self._closed or self._settings is None:
            return
        self._locating = True
        settings = self._settings

        def work() -> None:
            try:
                found: Located | IndoorsError = locate(settings, self._hashing)
            except IndoorsError as error:
                found = error
            except (OSError, subprocess.SubprocessError) as error:
                found = EngineError("The model or the engine cannot be read.", why=str(error))
            self._from_thread(self._found, settings, found)

        # A daemon thread, not an executor: leaving must not wait for the hash of 20 GB.
        threading.Thread(target=work, name="indoors-locate", daemon=True).start()

    def _from_thread(self, call: Callable[..., None], *arguments: object) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            _log.debug("the loop ended before the model was found")

    def _hashing(self, fraction: float) -> None:
        # Called for every megabyte; whole percents are enough.
        if round(fraction * 100) != round((self._facts.progress or 0.0) * 100):
            reason = "checking the model's sha256"
            facts = Facts(phase="loading", reason=reason, progress=round(fraction, 2))
            self._from_thread(self._become, facts)

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
        arguments = ["--engine", found.engine.directory] if found.engine.directory else []
        assert self._syntax is not None
        engine = EngineProcess(
            partial(children.spawn, "worker", *arguments), found.load, on_state=self._engine_state
        )
        self._engine = engine
        self._pipeline = Pipeline(
            engine, self._syntax, self._cache, self._clock, lambda: next(self._ids)
        )
        engine.start()

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

    async def wait_ready(self) -> None:
        """Wait until the model is loaded. Raises the IndoorsError that keeps it from loading."""
        while self._facts.phase == "loading":
            self._changed.clear()
            await self._changed.wait()
        if self._error is not None:
            raise self._error

    async def complete(self, request: CompletionRequest) -> Completion:
        """Complete; an empty completion while no model is loaded."""
        if self._pipeline is None:
            here = Span(request.offset, request.offset)
            return Completion(id="", text="", span=here, source="none", stop_reason="unavailable")
        return await self._pipeline.complete(request)

    async def complete_patiently(self, request: CompletionRequest) -> Completion:
        """As `complete`, but the first parse of the document gets the time it needs.

        An editor's request does not wait for a tree that is not there yet; a person who asks once
        in a terminal should see what the editor shows a moment after the file was opened.
        """
        if self._syntax is not None and by_language_id(request.document.language) is not None:
            deadline_s = self._clock() + PATIENCE_S
            while self._clock() < deadline_s:
                if await self._syntax.site(request.document, request.offset) is not None:
                    break
                await asyncio.sleep(0.05)
        return await self.complete(request)

    def opened(self, document: Document) -> None:
        """Let the indexer parse the document before the first question is in a hurry."""
        if self._syntax is not None and by_language_id(document.language) is not None:
            self._in_background(self._parse(self._syntax, document))

    async def _parse(self, syntax: SyntaxClient, document: Document) -> None:
        await syntax.site(document, 0)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        if self._syntax is not None:
            self._syntax.forget(uri)
        if self._engine is not None:
            self._engine.forget(uri)

    async def close(self) -> None:
        """End the worker and the indexer; may be called again."""
        self._closed = True
        self._drop_engine()
        if self._syntax is not None:
            await self._syntax.close()
            self._syntax = None
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)


def facts_of(state: EngineState, found: Located) -> Facts:
    """The facts that a state of a living engine means."""
    if state.phase == "ready" and state.model is not None:
        return Facts(
            phase="ready",
            model=found.model.name,
            device=state.model.device,
            reason=found.card_problem,
        )
    reason = state.error.what if state.error is not None else ""
    return Facts(phase="loading", reason=reason, model=found.model.name, progress=state.progress)
