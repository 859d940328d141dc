"""A core without processes: answers by a rule that a test chooses."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from fakes.engine import FakeEngine
from indoors_completion.refactor.editing import Editing
from indoors_completion.refactor.types import Edit, EditRequest, NoSafeEdit
from indoors_completion.types import (
    Alternative,
    Completion,
    CompletionRequest,
    Document,
    ModelInfo,
    Span,
    Stage,
)
from indoors_indexing.parse import DirectSyntax
from indoors_indexing.types import Outline
from indoors_server.index_client import IndexClient
from indoors_server.indexer_process import IndexerProcess
from indoors_server.policies import Policies
from indoors_server.settings import Settings
from indoors_server.status import EngineStats, EngineStatus, Facts, Work

Rule = Callable[[CompletionRequest], Awaitable[str]]


async def greet(request: CompletionRequest) -> str:
    """The default rule."""
    return "hello"


class _Editing(Editing):
    """Editing that keeps what it was asked."""

    def __init__(self, core: FakeCore) -> None:
        super().__init__(core.engine, core.syntax)
        self._core = core

    async def edit(self, request: EditRequest, **options: Any) -> Edit | NoSafeEdit:
        self._core.edits.append(request)
        return await super().edit(request, **options)

    async def read_ahead(self, request: EditRequest) -> None:
        self._core.read_ahead.append(request)
        await super().read_ahead(request)


class FakeCore:
    """A `service.Core`. `rule` makes the text; `facts` may be replaced through `become`."""

    def __init__(self, rule: Rule = greet, facts: Facts | None = None) -> None:
        self.rule = rule
        self.facts = facts or Facts(phase="ready", model="fake", device="CPU")
        self.requests: list[CompletionRequest] = []
        # Edits are real but for the engine, which says what a test wrote.
        self.engine = FakeEngine()
        self.syntax = DirectSyntax()
        self.edits: list[EditRequest] = []
        self.read_ahead: list[EditRequest] = []
        self.n_outlines = 0
        self.outline_takes_s = 0.0
        self.settings: list[Settings] = []
        self.n_rechecks = 0
        self.n_cancelled = 0
        self.closed = False
        self.opened_uris: list[str] = []
        self.forgotten: list[str] = []
        self.alternatives: tuple[str, ...] = ()
        self.stages: tuple[Stage, ...] = ()
        self.ready = True
        # Of a process that is never started.
        self.index = IndexClient(IndexerProcess(lambda: 1 / 0))  # type: ignore[arg-type, return-value]
        self.lock = ""
        self.engines: tuple[EngineStatus, ...] = ()
        self.policies: Policies | None = None
        self.work = Work(runs=3, joined=1, speculated=2, ahead_hits=1, exact=4)
        self.warmed: list[tuple[str, int | None]] = []
        self.changes: list[tuple[str, int | None, bool]] = []
        self.on_more: Callable[[str, int], None] = lambda _uri, _version: None
        self._on_change: Callable[[], None] = lambda: None
        self._ids = itertools.count(1)

    def model_for(self, kind: str, document: Document) -> ModelInfo | None:
        return self.model

    def obey(self, policies: Policies) -> None:
        self.policies = policies

    def start(
        self,
        settings: Settings,
        on_change: Callable[[], None],
        on_more: Callable[[str, int], None],
    ) -> None:
        self.settings.append(settings)
        self._on_change = on_change
        self.on_more = on_more

    def reconfigure(self, settings: Settings) -> None:
        self.settings.append(settings)

    def recheck(self) -> None:
        self.n_rechecks += 1

    def become(self, facts: Facts) -> None:
        self.facts = facts
        self._on_change()

    async def complete(self, request: CompletionRequest) -> Completion:
        self.requests.append(request)
        try:
            text = await self.rule(request)
        except asyncio.CancelledError:
            self.n_cancelled += 1
            raise
        here = Span(request.offset, request.offset)
        return Completion(
            id=f"c{next(self._ids)}",
            text=text,
            span=here,
            source="model",
            alternatives=tuple(Alternative(other, here) for other in self.alternatives),
            stages=self.stages,
            n_moved=20,
            n_stale=3,
        )

    @property
    def model(self) -> ModelInfo | None:
        return self.engine.model

    async def outline(self, document: Document, patience_s: float = 0.0) -> Outline | None:
        self.n_outlines += 1
        await asyncio.sleep(self.outline_takes_s)
        return await self.syntax.outline(document.language, document.text)

    def editing(self, document: Document) -> Editing | NoSafeEdit:
        return _Editing(self)

    def is_ready(self, request: CompletionRequest) -> bool:
        return self.ready

    def opened(self, document: Document) -> None:
        self.opened_uris.append(document.uri)

    def changed(self, document: Document, offset: int | None, *, background: bool) -> None:
        self.changes.append((document.text, offset, background))

    def warm(self, document: Document, offset: int | None) -> None:
        self.warmed.append((document.uri, offset))

    async def stats(self) -> EngineStats | None:
        return EngineStats(n_jobs=7, n_tokens_evaluated=90)

    def forget(self, uri: str) -> None:
        self.forgotten.append(uri)

    async def close(self) -> None:
        self.closed = True
