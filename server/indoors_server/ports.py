"""What the service needs of the engine's side and of the editor's side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from indoors_completion.refactor.editing import Editing
from indoors_completion.refactor.types import NoSafeEdit
from indoors_completion.types import Completion, CompletionRequest, Document, ModelInfo
from indoors_indexing.types import Outline
from indoors_server.index_client import IndexClient
from indoors_server.policies import Policies
from indoors_server.router import Kind
from indoors_server.settings import Settings
from indoors_server.status import EngineStats, EngineStatus, Facts, Status, Work


class Core(Protocol):
    """The engine, syntax and pipeline behind the service."""

    @property
    def facts(self) -> Facts:
        """What is known about the engine now."""
        ...

    @property
    def model(self) -> ModelInfo | None:
        """The loaded model."""
        ...

    @property
    def engines(self) -> tuple[EngineStatus, ...]:
        """The engines elsewhere that rules name."""
        ...

    def model_for(self, kind: Kind, document: Document) -> ModelInfo | None:
        """The model that answers such a request about a document, None while none would."""
        ...

    @property
    def work(self) -> Work:
        """What was done for requests, and ahead of them."""
        ...

    @property
    def index(self) -> IndexClient:
        """The indexes of the workspace's folders."""
        ...

    @property
    def lock(self) -> str:
        """The least of the lock-down states of our other processes, "" while none has said."""
        ...

    def obey(self, policies: Policies) -> None:
        """Which models may be loaded, and whether a process may run unproven."""
        ...

    def start(
        self,
        settings: Settings,
        on_change: Callable[[], None],
        on_more: Callable[[str, int], None],
    ) -> None:
        """Begin to load in the background. Both are called on the event loop: `on_change` when the
        facts changed, `on_more(uri, version)` when a request answered early has more to show.
        """
        ...

    def reconfigure(self, settings: Settings) -> None:
        """Use other settings; loads again only if the model or the engine changed."""
        ...

    def recheck(self) -> None:
        """Look again for what was missing, after pauses of its own; cheap."""
        ...

    async def complete(self, request: CompletionRequest) -> Completion:
        """Complete."""
        ...

    async def outline(self, document: Document, patience_s: float = 0.0) -> Outline | None:
        """What a document's whole text says; None without a grammar, or if nothing came. A parser
        that is only just started is waited for `patience_s`.
        """
        ...

    def editing(self, document: Document) -> Editing | NoSafeEdit:
        """What makes edits of a document, or why nothing does."""
        ...

    def is_ready(self, request: CompletionRequest) -> bool:
        """Whether the request would be answered without asking the model anything new."""
        ...

    def opened(self, document: Document) -> None:
        """A document was opened: what takes long the first time may begin."""
        ...

    def changed(self, document: Document, offset: int | None, *, background: bool) -> None:
        """A document changed, the last edit ended at `offset` (None: not known)."""
        ...

    def warm(self, document: Document, offset: int | None) -> None:
        """Evaluate a document in the background, for the cursor at `offset` (None: not known)."""
        ...

    def forget(self, uri: str) -> None:
        """A document was closed."""
        ...

    async def stats(self) -> EngineStats | None:
        """What the engine has done since it started; None if it does not say."""
        ...

    async def close(self) -> None:
        """End the children."""
        ...


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a document with something to say about it; positions in client units."""

    start: tuple[int, int]
    end: tuple[int, int]
    severity: Literal["warning", "info"]
    message: str


class Working(Protocol):
    """A piece of work that the editor may show."""

    def report(self, message: str, percentage: int) -> None:
        """How far it is."""
        ...

    def end(self, message: str = "") -> None:
        """It is over."""
        ...


class Outbox(Protocol):
    """What the service tells the editor."""

    def status(self, status: Status) -> None:
        """The status changed."""
        ...

    def completion_ready(self, uri: str, version: int) -> None:
        """There is more to show in a document than was answered."""
        ...

    def marks(self, uri: str, version: int | None, marks: list[Mark]) -> None:
        """The places with hidden characters in a document, in place of those told before."""
        ...

    def message(self, kind: Literal["error", "warning", "info"], text: str) -> None:
        """Something a person should read."""
        ...

    def log(self, kind: Literal["error", "warning", "info"], text: str) -> None:
        """Something for the log: nobody has to do anything about it."""
        ...

    def work(self, title: str, on_cancel: Callable[[], None]) -> Working:
        """Something that takes a while begins; `on_cancel` is called if the person stops it."""
        ...

    def trace(self, text: str) -> None:
        """Something for whoever switched tracing on; holds no source text."""
        ...
