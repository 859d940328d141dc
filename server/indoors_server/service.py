"""What the server does, in plain terms: sessions, settings and requests, without any protocol.

`handlers` calls this with offsets and strings; nothing here knows LSP types (I1). All methods run
on the event loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from indoors_completion.types import (
    Completion,
    CompletionRequest,
    Document,
    SelectedCompletion,
    Span,
)
from indoors_server import settings as settings_module
from indoors_server.positions import index_at, n_units
from indoors_server.scheduler import Scheduler
from indoors_server.session import READ_ONLY_SCHEMES, Session, Snapshot, scheme_of
from indoors_server.settings import Options, Problem, Settings
from indoors_server.status import Counters, Facts, Status, status_of

_log = logging.getLogger("indoors.service")

# A generation shorter than this is not worth a "busy" that flickers in a status bar.
BUSY_AFTER_S = 0.15
# How many answered items we remember, to count what is said about them later.
_REMEMBERED_ITEMS = 256


class Core(Protocol):
    """The engine, syntax and pipeline behind the service."""

    @property
    def facts(self) -> Facts:
        """What is known about the engine now."""
        ...

    def start(self, settings: Settings, on_change: Callable[[], None]) -> None:
        """Begin to load in the background; `on_change` is called on the event loop."""
        ...

    def reconfigure(self, settings: Settings) -> None:
        """Use other settings; loads again only if the model or the engine changed."""
        ...

    def recheck(self) -> None:
        """Look again for what was missing, at most every few seconds; cheap."""
        ...

    async def complete(self, request: CompletionRequest) -> Completion:
        """Complete."""
        ...

    def opened(self, document: Document) -> None:
        """A document was opened: what takes long the first time may begin."""
        ...

    def forget(self, uri: str) -> None:
        """A document was closed."""
        ...

    async def close(self) -> None:
        """End the children."""
        ...


class Outbox(Protocol):
    """What the service tells the editor."""

    def status(self, status: Status) -> None:
        """The status changed."""
        ...

    def message(self, kind: Literal["error", "warning", "info"], text: str) -> None:
        """Something a person should read."""
        ...

    def trace(self, text: str) -> None:
        """Something for whoever switched tracing on; holds no source text."""
        ...


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A request for a completion, positions in client units."""

    uri: str
    line: int
    character: int
    trigger: Literal["automatic", "explicit"]
    selected_text: str | None = None
    selected_range: tuple[int, int, int, int] = (0, 0, 0, 0)
    channel: str = "inline"


class Answer(msgspec.Struct, frozen=True):
    """A completion that is not empty, and the snapshot its span refers to."""

    snapshot: Snapshot
    completion: Completion


class _Item(msgspec.Struct):
    """An answered item: its text, how much of it was taken bit by bit, and whether wholly."""

    text: str
    taken_units: int = 0
    accepted: bool = False


class Service:
    """One editor's server."""

    def __init__(
        self, core: Core, outbox: Outbox, clock: Callable[[], float], lock: str = "unproven"
    ) -> None:
        self.session = Session()
        self.counters = Counters()
        self._core = core
        self._outbox = outbox
        self._clock = clock
        self._lock = lock
        self._scheduler = Scheduler(clock)
        self._user = Options("config.json")
        self._editor = Options("editor settings")
        self._by_folder: dict[str, Settings] = {}
        self.settings = settings_module.resolve()
        self._started = False
        self._busy = False
        self._n_generating = 0
        self._status: Status | None = None
        self._told: set[str] = set()
        self._items: OrderedDict[str, _Item] = OrderedDict()

    # --- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to load the model; called once `initialize` has been answered."""
        self._started = True
        self._core.start(self.settings, self.refresh_status)
        self.refresh_status()

    async def close(self) -> None:
        """Answer what is running and end the children."""
        self._scheduler.cancel_all()
        await self._core.close()

    # --- settings -----------------------------------------------------------------------------

    def read_user_settings(self) -> None:
        """Read the person's own file (again)."""
        self._user = settings_module.user_layer()

    def set_editor_settings(self, raw: object) -> None:
        """The editor's layer, as it was sent."""
        self._editor = settings_module.decode("editor settings", raw)

    def apply_settings(self) -> None:
        """Resolve all layers, tell about mistakes once each, and reconfigure the core."""
        self.settings = settings_module.resolve(self._user, self._editor)
        problems = [*self._user.problems, *self._editor.problems]
        self._by_folder = {}
        for folder in filter(None, self.session.folders.values()):
            layer = settings_module.workspace_layer(folder)
            narrowed, widened = settings_module.narrow(self.settings, layer)
            self._by_folder[folder] = narrowed
            problems += [*layer.problems, *widened]
        self._tell_problems(problems)
        if self._started:
            self._core.reconfigure(self.settings)
            self.refresh_status()

    def _tell_problems(self, problems: list[Problem]) -> None:
        fresh = [text for text in map(str, problems) if text not in self._told]
        self._told.update(fresh)
        if fresh:
            self._outbox.message("warning", "Indoors settings:\n" + "\n".join(fresh))

    # --- requests -----------------------------------------------------------------------------

    async def complete(self, ask: Ask) -> Answer | None:
        """Answer a request; None when there is nothing to show. Raises only CancelledError."""
        self.counters.requested += 1
        snapshot = self.session.snapshot(ask.uri)
        if snapshot is None or scheme_of(ask.uri) in READ_ONLY_SCHEMES:
            return None
        settings = self._by_folder.get(snapshot.folder, self.settings)
        document = snapshot.document
        if settings.refusal(document.path, document.language, ask.trigger):
            return None
        if self._core.facts.phase != "ready":
            self._core.recheck()
            return None
        request = self._request(ask, snapshot, settings)
        key = f"{ask.channel} {document.uri}"
        started_s = self._clock()
        completion = await self._scheduler.run(
            key, lambda _: self._generate(request), settings.deadline_ms / 1000 * 2 + 1
        )
        if completion is None:
            self.counters.superseded += 1
            return None
        self._trace(completion, (self._clock() - started_s) * 1000)
        if not completion.text:
            return None
        self.counters.answered += 1
        self.counters.from_cache += completion.source == "cache"
        self._remember(completion)
        return Answer(snapshot, completion)

    def _request(self, ask: Ask, snapshot: Snapshot, settings: Settings) -> CompletionRequest:
        lines, encoding = snapshot.lines, self.session.encoding
        selected = None
        if ask.selected_text is not None:
            first, first_character, last, last_character = ask.selected_range
            one = lines.offset(first, first_character, encoding)
            two = lines.offset(last, last_character, encoding)
            selected = SelectedCompletion(ask.selected_text, Span(min(one, two), max(one, two)))
        return CompletionRequest(
            document=snapshot.document,
            offset=lines.offset(ask.line, ask.character, encoding),
            trigger=ask.trigger,
            selected=selected,
            deadline_ms=float(settings.deadline_ms),
            multiline=settings.multiline,
            max_lines=settings.max_lines,
        )

    async def _generate(self, request: CompletionRequest) -> Completion | None:
        self._n_generating += 1
        timer = asyncio.get_running_loop().call_later(BUSY_AFTER_S, self._set_busy)
        try:
            return await self._core.complete(request)
        except Exception as error:  # noqa: BLE001 - a fault of ours costs one empty answer (I9)
            _log.exception("a completion failed: %s", type(error).__name__)
            return None
        finally:
            timer.cancel()
            self._n_generating -= 1
            if self._n_generating == 0 and self._busy:
                self._busy = False
                self.refresh_status()

    def _set_busy(self) -> None:
        self._busy = True
        self.refresh_status()

    def _trace(self, completion: Completion, total_ms: float) -> None:
        self._outbox.trace(
            f"completion {completion.id}: {completion.source}, {total_ms:.0f} ms, "
            f"first token {completion.ttft_ms:.0f} ms, {completion.n_reused} reused, "
            f"{completion.n_evaluated} evaluated, {completion.n_generated} generated, "
            f"stop {completion.stop_reason or '-'}, filter {completion.filtered_by or '-'}"
        )

    # --- what became of an answer -------------------------------------------------------------

    def _remember(self, completion: Completion) -> None:
        self._items[completion.id] = _Item(completion.text)
        while len(self._items) > _REMEMBERED_ITEMS:
            self._items.popitem(last=False)

    def shown(self, item_id: str) -> None:
        """An item was shown."""
        self.counters.shown += item_id in self._items

    def accepted(self, item_id: str) -> bool:
        """An item was accepted as a whole; counted once."""
        item = self._items.get(item_id)
        if item is None or item.accepted:
            return False
        item.accepted = True
        self.counters.accepted += 1
        return True

    def partially_accepted(self, item_id: str, accepted_units: int) -> None:
        """The first `accepted_units` UTF-16 units of an item were taken, counted from its start."""
        item = self._items.get(item_id)
        if item is None:
            return
        taken = item.text[: index_at(item.text, accepted_units, "utf-16")]
        now = n_units(taken, "utf-16")
        if now > item.taken_units:
            self.counters.partially_accepted += item.taken_units == 0
            self.counters.accepted_units += now - item.taken_units
            item.taken_units = now

    # --- status -------------------------------------------------------------------------------

    def opened(self, uri: str, language: str, version: int, text: str) -> None:
        """A document was opened; editors show what they open."""
        self.session.open(uri, language, version, text)
        if (snapshot := self.session.snapshot(uri)) is not None:
            self._core.opened(snapshot.document)
        self.focus(uri)

    def focus(self, uri: str | None) -> None:
        """The editor shows another document, or none."""
        self.session.focus = uri
        self.refresh_status()

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self.session.close(uri)
        self._core.forget(uri)

    def status(self) -> Status:
        """The status now."""
        return status_of(
            self._core.facts, busy=self._busy, inactive=self._inactive(), lock=self._lock
        )

    def refresh_status(self) -> None:
        """Tell the editor if the status changed."""
        status = self.status()
        if status == self._status or not self._started:
            return
        self._status = status
        self._outbox.status(status)
        if status.phase == "error":
            facts = self._core.facts
            text = f"{facts.reason}\nNext: {facts.next_step}" if facts.next_step else facts.reason
            if text not in self._told:
                self._told.add(text)
                self._outbox.message("error", f"Indoors: {text}")

    def _inactive(self) -> str:
        """Why the focused document is not completed, "" if it is."""
        snapshot = self.session.snapshot(self.session.focus) if self.session.focus else None
        if snapshot is None:
            return "" if self.settings.enabled else "completion.enabled is off"
        if scheme_of(snapshot.document.uri) in READ_ONLY_SCHEMES:
            return "this is a read-only view"
        settings = self._by_folder.get(snapshot.folder, self.settings)
        return settings.refusal(snapshot.document.path, snapshot.document.language, "explicit")
