"""What the server does, in plain terms: sessions, settings and requests, without any protocol.

`handlers` calls this with offsets and strings; nothing here knows LSP types (I1). All methods run
on the event loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from indoors_completion.types import Completion, CompletionRequest
from indoors_server import lockdown, paths
from indoors_server import settings as settings_module
from indoors_server.asks import TARGET_MS, Answer, Ask, request_of
from indoors_server.busy import Busy
from indoors_server.debounce import Debounce
from indoors_server.edits import Edits
from indoors_server.explanations import Explanations
from indoors_server.hidden_marks import HiddenMarks
from indoors_server.items import Items
from indoors_server.policies import Policies
from indoors_server.policy.verdict import Verdict
from indoors_server.ports import Core, Outbox
from indoors_server.refusals import Kind, Refusal, Refusals
from indoors_server.retrieval import IndexRetrieval
from indoors_server.scheduler import Scheduler
from indoors_server.session import READ_ONLY_SCHEMES, Change, Session, Snapshot, scheme_of
from indoors_server.settings import Options, Settings
from indoors_server.status import Counters, LauncherState, Status, Work, status_of
from indoors_server.workspace_index import WorkspaceIndex

_log = logging.getLogger("indoors.service")


class Service:
    """One editor's server. `on_battery` says whether to save power, where a person left it open.

    `client_refreshes` says that the client asks again on `indoors/completionReady`. `refused` is
    given what the policy refused, and `record` at the end what was counted, once; both in a thread:
    they may wait for the disk.
    """

    def __init__(
        self,
        core: Core,
        outbox: Outbox,
        clock: Callable[[], float],
        lock: str = "unproven",
        on_battery: Callable[[], bool] = lambda: False,
        retrieval: IndexRetrieval | None = None,
        record: Callable[[Counters], None] = lambda _counters: None,
        refused: Callable[[Refusal], None] = lambda _refusal: None,
        launcher: Callable[[], LauncherState] = lambda: "none",
    ) -> None:
        self._record, self._launcher = record, launcher
        self._retrieval = retrieval or IndexRetrieval(paths.cache_dir)
        self._retrieval.refuses = self._is_refused
        self._retrieval.serves = lambda root: self._settings_in(root).index_enabled
        self._retrieval.withheld = lambda folder, path: self._note(
            "show", self.policies.verdict(folder, path), folder, path
        )
        self._refusals = Refusals(refused, lambda text: self._tell("audit log", [text]))
        self.session = Session()
        self.counters = Counters()
        self.items = Items(self.counters)
        self.debounce = Debounce(clock)
        self.client_refreshes = False
        self.policies = Policies(lock=lock, on_change=self.apply_settings)
        self.policies.model_refused = lambda verdict, path: self._note("model", verdict, "", path)
        core.obey(self.policies)
        self.marks = HiddenMarks(
            self.session, outbox, lambda snapshot: self._settings_of(snapshot).marks_hidden
        )
        self.index = WorkspaceIndex(
            self.session, core.index, outbox, self.refresh_status, self.policies.refuses
        )
        self._core, self._outbox, self._clock = core, outbox, clock
        self.engine_stats = core.stats
        self.explanations = Explanations(outbox.trace, self.session.snapshot, self._refusal)
        self._lock, self._on_battery = lock, on_battery
        self._scheduler = Scheduler(clock)
        self._user, self._editor = Options("config.json"), Options("editor settings")
        self._sent: object = None
        self._by_folder: dict[str, Settings] = {}
        self.settings = settings_module.resolve()
        self._busy = Busy(self.refresh_status)
        self.edits = Edits(
            core,
            outbox,
            clock,
            self.session,
            retrieval=self._retrieval,
            settings_of=self._settings_of,
            refusal=self._refusal,
            refused=self._note_refusal,
            refuses=self._is_refused,
            may_prepare=self._may_prepare,
            busy=self._busy,
        )
        self._started = self._closed = self._was_ready = self._is_told_focus = False
        self._status: Status | None = None
        self._told: set[str] = set()

    # --- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to load the model; called once `initialize` has been answered."""
        self._started = True
        self._core.start(self.settings, self._core_changed, self._more)
        self.refresh_status()

    async def close(self) -> None:
        """Answer what is running and end the children."""
        was_closed, self._closed = self._closed, True
        self._scheduler.cancel_all()
        self.edits.close()
        self.index.close()
        self.marks.close()
        await self._core.close()
        await self._retrieval.close()
        await self._refusals.close()
        if not was_closed:
            await asyncio.to_thread(self._record, self.counters)

    # --- settings -----------------------------------------------------------------------------

    def read_user_settings(self) -> None:
        """Read the person's own file (again)."""
        self._user = settings_module.user_layer()

    def set_editor_settings(self, raw: object) -> None:
        """The editor's layer, as it was sent."""
        self._sent = raw
        self._editor = settings_module.editor_layer(raw)

    def apply_settings(self) -> None:
        """Resolve all layers, tell about mistakes once each, and reconfigure the core."""
        self.settings = settings_module.resolve(self._user, self._editor)
        problems = [*self._user.problems, *self._editor.problems]
        self._by_folder = {}
        folders = list(filter(None, self.session.folders.values()))
        self._tell("policy", self.policies.read(folders, self._sent))
        for folder in folders:
            layer = settings_module.workspace_layer(folder)
            narrowed, widened = settings_module.narrow(self.settings, layer)
            verdict = self.policies.may_index(folder)
            may_index = narrowed.index_enabled and verdict.allowed
            if narrowed.index_enabled:
                self._note("index", verdict, folder)
            self._by_folder[folder] = msgspec.structs.replace(narrowed, index_enabled=may_index)
            problems += [*layer.problems, *widened]
        self._tell("settings", list(map(str, problems)))
        for snapshot in filter(None, map(self.session.snapshot, self.session.uris())):
            self._retrieval.opened(snapshot.root, snapshot.document)
            self.marks.look(snapshot.document.uri)
        self.index.fit(self._by_folder, self.policies.deny_paths(folders))
        if self._started:
            self._core.reconfigure(self.settings)
            self.refresh_status()

    def _tell(self, about: str, texts: list[str]) -> None:
        """Each text once."""
        fresh = [text for text in texts if text not in self._told]
        self._told.update(fresh)
        if fresh:
            self._outbox.message("warning", f"Indoors {about}:\n" + "\n".join(fresh))

    # --- requests -----------------------------------------------------------------------------

    async def complete(self, ask: Ask) -> Answer | None:
        """Answer a request; None when there is nothing to show. Raises only CancelledError."""
        self.counters.requested += 1
        snapshot = self.session.snapshot(ask.uri)
        if snapshot is None or scheme_of(ask.uri) in READ_ONLY_SCHEMES:
            return None
        document = snapshot.document
        if self._refusal(snapshot, ask.trigger):
            self._note_refusal(snapshot)
            return None
        settings = self._settings_of(snapshot)
        if self._core.facts.phase != "ready":
            self._core.recheck()
            return None
        request = self._request(ask, snapshot, settings)
        self.session.move_cursor(document.uri, request.offset)
        started_s = self._clock()
        asked: list[bool] = []  # filled once the model is asked
        completion = None
        try:
            completion = await self._scheduler.run(
                f"{ask.channel} {document.uri}",
                lambda _: self._generate(request, asked),
                settings.deadline_ms / 1000 * 2 + 1,
            )
        finally:
            if asked:  # most clients cancel a request themselves when the next key comes
                self.debounce.served(completion is not None)
        if completion is None:
            self.counters.superseded += 1
            return None
        self.explanations.answered(document.uri, completion, (self._clock() - started_s) * 1000)
        if not completion.text:
            return None
        self.counters.answered += 1
        self.counters.from_cache += completion.source == "cache"
        self.counters.from_run += completion.source == "run"
        self.items.answered(document, completion)
        return Answer(snapshot, completion)

    def _request(self, ask: Ask, snapshot: Snapshot, settings: Settings) -> CompletionRequest:
        request = request_of(ask, snapshot, settings, self.session.encoding)
        document = snapshot.document
        return msgspec.structs.replace(
            request,
            target_ms=TARGET_MS if self.client_refreshes else None,
            continues=self.items.continues(document.uri, document.text, request.offset),
            background=self._may_go_on(settings),
        )

    async def _generate(self, request: CompletionRequest, asked: list[bool]) -> Completion | None:
        if not self._core.is_ready(request):
            delay_s = self.debounce.delay_s() if request.trigger == "automatic" else 0.0
            if delay_s > 0:
                await asyncio.sleep(delay_s)
            asked.append(True)
        try:
            with self._busy.running():
                return await self._core.complete(request)
        except Exception as error:  # noqa: BLE001 - a fault of ours costs one empty answer (I9)
            _log.exception("a completion failed: %s", type(error).__name__)
            return None

    def _more(self, uri: str, version: int) -> None:
        """A request that was answered early has more to show; never after a change."""
        snapshot = self.session.snapshot(uri)
        if self.client_refreshes and snapshot and snapshot.document.version == version:
            self._outbox.completion_ready(uri, version)

    def _may_go_on(self, settings: Settings) -> bool:
        """Whether anything may be computed that nobody waits for."""
        how = settings.background
        return how == "on" or (how == "auto" and not self._on_battery())

    def _settings_in(self, folder: str) -> Settings:
        return self._by_folder.get(folder, self.settings)

    def _settings_of(self, snapshot: Snapshot) -> Settings:
        return self._settings_in(snapshot.folder)

    # --- documents ----------------------------------------------------------------------------

    def opened(self, uri: str, language: str, version: int, text: str) -> None:
        """A document was opened. An editor that never says what it shows, shows what it opens."""
        self.session.open(uri, language, version, text)
        if (snapshot := self.session.snapshot(uri)) is not None:
            self._retrieval.opened(snapshot.root, snapshot.document)
            if not self._refusal(snapshot):
                self._core.opened(snapshot.document)
            self.marks.look(snapshot.document.uri)
        self.index.opened(uri)
        if not self._is_told_focus or uri == self.session.focus:
            self._show(uri)

    def changed(self, uri: str, version: int | None, changes: list[Change]) -> None:
        """A document changed."""
        edited = self.session.change(uri, version, changes)
        snapshot = self.session.snapshot(uri)
        if edited is None or snapshot is None:
            return
        document = snapshot.document
        self.index.changed(uri)
        self.marks.changed(document.uri)
        self.edits.changed(document.uri)
        self.debounce.typed()
        self.items.changed(document.uri, document.text, edited.n_inserted)
        self._retrieval.changed(document, edited)
        self._core.changed(document, edited.end, background=self._may_prepare(snapshot))

    def focus(self, uri: str | None, position: tuple[int, int] | None = None) -> None:
        """The editor shows another document, or none; the cursor is at (line, character)."""
        self._is_told_focus = True
        if uri and position and (snapshot := self.session.snapshot(uri)):
            offset = snapshot.lines.offset(*position, self.session.encoding)
            self.session.move_cursor(snapshot.document.uri, offset)
        self._show(uri)

    def _show(self, uri: str | None) -> None:
        """A document has the focus, and what had it is left; or none has it."""
        before, self.session.focus = self.session.focus, uri
        if before and uri and before != uri and (left := self.session.snapshot(before)):
            self._retrieval.left(left.document, self.session.cursor(before))
        self._warm()
        self.refresh_status()

    def _is_refused(self, folder: str, path: str) -> bool:
        """Whether a file is none that may be used, as `completion.exclude` or the policy says."""
        return bool(self._settings_in(folder).excludes(path)) or self.policies.refuses(folder, path)

    def _refusal(self, snapshot: Snapshot, trigger: str = "explicit") -> str:
        """Why a document is not completed; "" if it is."""
        self.policies.fresh(snapshot.folder)
        path, language = snapshot.document.path, snapshot.document.language
        why = self._settings_of(snapshot).refusal(path, language, trigger)
        return why or self._verdict(snapshot).reason

    def _verdict(self, snapshot: Snapshot) -> Verdict:
        """Whether the policy lets a document be completed."""
        is_file = scheme_of(snapshot.document.uri) == "file"
        ask = self.policies.verdict if is_file else self.policies.verdict_by_name
        return ask(snapshot.folder, snapshot.policy_path)

    def _note_refusal(self, snapshot: Snapshot) -> None:
        self._note("complete", self._verdict(snapshot), snapshot.folder, snapshot.file)

    def _note(self, kind: Kind, verdict: Verdict, folder: str, path: str = "") -> None:
        """Something was asked for, and the policy may have refused it."""
        self._refusals.note(kind, verdict, Path(folder, path), self.policies.of(folder))

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self.index.closed(uri)
        if (snapshot := self.session.snapshot(uri)) is not None:
            self._retrieval.forget(snapshot.document.uri)
            self.marks.closed(snapshot.document.uri)
            self.edits.forget(snapshot.document.uri)
            self.explanations.forget(snapshot.document.uri)
        self.session.close(uri)
        self.items.forget(uri)
        self._core.forget(uri)

    def _warm(self) -> None:
        """Evaluate the focused document in the background."""
        snapshot = self.session.snapshot(self.session.focus or "")
        if snapshot is not None and self._may_prepare(snapshot):
            self._core.warm(snapshot.document, self.session.cursor(snapshot.document.uri))

    def _may_prepare(self, snapshot: Snapshot) -> bool:
        """Whether a document is completed at all, and may be worked on in the background."""
        return (
            self._core.facts.phase == "ready"
            and self._may_go_on(self._settings_of(snapshot))
            and scheme_of(snapshot.document.uri) not in READ_ONLY_SCHEMES
            and not self._refusal(snapshot)
        )

    # --- status -------------------------------------------------------------------------------

    def _core_changed(self) -> None:
        """The engine's facts changed; a model that just came begins with what is on the screen."""
        is_ready = self._core.facts.phase == "ready"
        if is_ready and not self._was_ready:
            self._warm()
        self._was_ready = is_ready
        self.refresh_status()

    @property
    def work(self) -> Work:
        """What was done for requests, and ahead of them."""
        return self._core.work

    def status(self) -> Status:
        """The status now."""
        return status_of(
            self._core.facts,
            busy=self._busy.is_so,
            inactive=self._inactive(),
            lock=lockdown.least((self._lock, self._core.lock)),
            launcher=self._launcher(),
            mode=self.policies.mode,
            index=self.index.status(),
            engines=self._core.engines,
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
                self._outbox.message("error", f"Indoors: {text}")
            self._told.add(text)

    def _inactive(self) -> str:
        """Why the focused document is not completed, "" if it is."""
        snapshot = self.session.snapshot(self.session.focus) if self.session.focus else None
        if snapshot is None:
            return "" if self.settings.enabled else "completion.enabled is off"
        if scheme_of(snapshot.document.uri) in READ_ONLY_SCHEMES:
            return "this is a read-only view"
        return self._refusal(snapshot)
