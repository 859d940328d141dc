"""A core without processes: answers by a rule that a test chooses."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

from indoors_completion.types import Completion, CompletionRequest, Document, Span
from indoors_server.settings import Settings
from indoors_server.status import Facts

Rule = Callable[[CompletionRequest], Awaitable[str]]


async def greet(request: CompletionRequest) -> str:
    """The default rule."""
    return "hello"


class FakeCore:
    """A `service.Core`. `rule` makes the text; `facts` may be replaced through `become`."""

    def __init__(self, rule: Rule = greet, facts: Facts | None = None) -> None:
        self.rule = rule
        self.facts = facts or Facts(phase="ready", model="fake", device="CPU")
        self.requests: list[CompletionRequest] = []
        self.settings: list[Settings] = []
        self.n_rechecks = 0
        self.n_cancelled = 0
        self.closed = False
        self.opened_uris: list[str] = []
        self.forgotten: list[str] = []
        self._on_change: Callable[[], None] = lambda: None
        self._ids = itertools.count(1)

    def start(self, settings: Settings, on_change: Callable[[], None]) -> None:
        self.settings.append(settings)
        self._on_change = on_change

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
        return Completion(
            id=f"c{next(self._ids)}",
            text=text,
            span=Span(request.offset, request.offset),
            source="model",
        )

    def opened(self, document: Document) -> None:
        self.opened_uris.append(document.uri)

    def forget(self, uri: str) -> None:
        self.forgotten.append(uri)

    async def close(self) -> None:
        self.closed = True
