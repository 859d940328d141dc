"""Edits for one editor: what is offered at a place, and the making of what was chosen.

    offers -> outline of the document (cached per version) -> refactor.actions       no model
    make   -> may it be edited? -> request -> Editing -> same document still? -> Made | Refused

One edit runs per document. It ends at once when the document changes, when the editor or the person
cancels it, and when a newer one is asked for; the model stops with it. All methods run on the event
loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from indoors_completion import chat
from indoors_completion.refactor import actions
from indoors_completion.refactor.actions import Action
from indoors_completion.refactor.types import Edit, EditRequest, NoSafeEdit, Problem
from indoors_completion.types import InputError
from indoors_indexing.types import Outline, Span
from indoors_server import edit_menu, edit_request, tests_request
from indoors_server.busy import Busy
from indoors_server.closed.editor import ClosedEdits
from indoors_server.edit_progress import Progress, checked
from indoors_server.edit_values import Made, Offered, Place, Refused, Report, Wish, plain, why
from indoors_server.edited_outlines import KeptOutlines
from indoors_server.executed_files import is_executed, paths_of
from indoors_server.ports import Core, Outbox, Working
from indoors_server.positions import Lines
from indoors_server.read_ahead import ReadAhead
from indoors_server.retrieval import IndexRetrieval
from indoors_server.session import READ_ONLY_SCHEMES, Session, Snapshot, scheme_of
from indoors_server.settings import Settings
from indoors_server.tidying import Tidying

_log = logging.getLogger("indoors.edits")

MOVED = "the document has changed"
OTHER = "another edit of this document was asked for"
STOPPED = "you stopped it"
# What a menu that opens by itself waits for: it is asked for wherever the cursor stops.
GLANCE_S = 0.01
# What a person waits for who opened it, or has chosen.
PATIENT_S = 2.0
# An outline takes the indexer tens of milliseconds, and whoever types needs it for the next key.
# That of a long document takes hundreds, and is made only when somebody has opened a menu.
CALM_S = 0.75
AUTOMATIC_CHARACTERS = 30_000
MAX_PROBLEMS = 5
NO_CLOSED = "the policy's mode was not closed when the server started, or this is not Linux"
_OURS = "indoors"


class _Running(msgspec.Struct):
    task: asyncio.Future[Made | Refused]
    reason: str = ""

    def stop(self, reason: str) -> None:
        """End it; `reason` is what whoever waits is told."""
        self.reason = self.reason or reason
        self.task.cancel()


class Edits:
    """`settings_of` says which settings count for a document, `refusal` why it may not be edited
    ("" if it may), and `refused` is called when that was asked for.
    """

    def __init__(
        self,
        core: Core,
        outbox: Outbox,
        clock: Callable[[], float],
        session: Session,
        *,
        retrieval: IndexRetrieval,
        settings_of: Callable[[Snapshot], Settings],
        refusal: Callable[[Snapshot], str],
        refused: Callable[[Snapshot], None],
        refuses: Callable[[str, str], bool],
        may_prepare: Callable[[Snapshot], bool],
        busy: Busy,
    ) -> None:
        self._core, self._outbox, self._clock = core, outbox, clock
        self._session, self._retrieval = session, retrieval
        self._settings_of, self._refusal, self._refused = settings_of, refusal, refused
        self._refuses, self._may_prepare = refuses, may_prepare
        self._busy = busy
        # Whether the editor asks a person before it applies what says that it must be confirmed.
        self.client_confirms = False
        # Whether it can create a file.
        self.client_creates = False
        self._running: dict[str, _Running] = {}
        self._outlines = KeptOutlines(core.outline)
        # Edits by closed APIs, where there may be any.
        self.closed: ClosedEdits | None = None
        self._changed_s: dict[str, float] = {}
        patiently = partial(self._outlines.of, within_s=PATIENT_S)
        self._ahead = ReadAhead(core, patiently, self._request)
        self._tidying = Tidying(core.outline, outbox.message, session.folders)

    # --- documents ------------------------------------------------------------------------------

    def changed(self, uri: str) -> None:
        """A document changed: an edit of what it was is of no use."""
        self._changed_s[uri] = self._clock()
        self._ahead.stop(uri)
        if (running := self._running.get(uri)) is not None:
            running.stop(MOVED)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._changed_s.pop(uri, None)
        self._outlines.forget(uri)
        self._ahead.stop(uri)
        if (running := self._running.get(uri)) is not None:
            running.stop(MOVED)

    def close(self) -> None:
        """The server ends: what runs is answered."""
        self._outlines.close()
        self._ahead.stop()
        for running in self._running.values():
            running.stop("the server is ending")

    @property
    def n_running(self) -> int:
        """How many edits are being made."""
        return len(self._running)

    # --- the menu -------------------------------------------------------------------------------

    async def offers(
        self,
        uri: str,
        place: Place,
        *,
        reports: tuple[Report, ...] = (),
        only: tuple[str, ...] = (),
        automatic: bool = False,
    ) -> list[Offered]:
        """What can be done at a place; no model is asked. `only` are kinds, all if there are none.

        A menu that the editor opens by itself (`automatic`) gets what is known by now, and nobody
        who types is held up for it.
        """
        snapshot = self._session.snapshot(uri)
        if snapshot is None or self.why_not(snapshot):
            return []
        document = snapshot.document
        is_ready = self._core.facts.phase == "ready"
        model = self._core.model_for("refactor", document) if is_ready else None
        unfit = chat.unfit_reason(model) if model is not None else ""
        found: list[Offered] = []
        if unfit and not automatic:
            found += [Offered(title="Edit with a model", kind="refactor.rewrite", disabled=unfit)]
        is_calm = self._clock() - self._changed_s.get(document.uri, -CALM_S) >= CALM_S
        may_begin = is_calm and len(document.text) <= AUTOMATIC_CHARACTERS
        may_wait = not automatic or may_begin or self._outlines.has(document)
        outline = None
        if may_wait and (self.closed is not None or (model is not None and not unfit)):
            outline = await self._outlines.of(document, GLANCE_S if automatic else PATIENT_S)
        if outline is not None:
            selection = self._span(snapshot, place)
            here = EditRequest(document=document, selection=selection, action="", outline=outline)
            wish = Wish(uri=uri, range=place, action="", version=document.version)
            offers = actions.offered(here)
            if model is not None and not unfit:
                found += self._fixes(snapshot, here, wish, reports) + [
                    edit_menu.offered(
                        offer, wish, beyond=actions.beyond(offer.action, outline.language, model)
                    )
                    for offer in offers
                    if offer.action.name != actions.TESTS or snapshot.root  # where they go
                ]
            if self.closed is not None:
                found += self.closed.offered(snapshot, offers, wish)
        return [one for one in found if edit_menu.is_wanted(one.kind, only)]

    def _fixes(
        self, snapshot: Snapshot, here: EditRequest, wish: Wish, reports: tuple[Report, ...]
    ) -> list[Offered]:
        """A fix for each diagnostic of another tool."""
        found = []
        for number, report in enumerate(reports[:MAX_PROBLEMS]):
            if report.source == _OURS:
                continue
            there = msgspec.structs.replace(here, problems=(self._problem(snapshot, report),))
            for offer in actions.offered(there):
                if offer.action.kind == "quickfix":
                    about = msgspec.structs.replace(wish, problem=report)
                    found.append(edit_menu.offered(offer, about, number))
        return found

    # --- the making -----------------------------------------------------------------------------

    def will_make(self, wish: Wish) -> None:
        """A person is writing what to do: the model reads the code meanwhile."""
        snapshot = self._session.snapshot(wish.uri)
        if snapshot is None or self._running or not self._may_prepare(snapshot):
            return
        if not self.why_not(snapshot):
            self._ahead.begin(snapshot, wish)

    async def make(self, wish: Wish) -> Made | Refused:
        """Make an edit. Raises only CancelledError, when whoever waits is cancelled."""
        snapshot, action = self._session.snapshot(wish.uri), actions.BY_NAME.get(wish.action)
        if snapshot is None:
            return _nothing("the document is not open")
        if reason := self.why_not(snapshot):
            self._refused(snapshot)
            return _nothing(reason)
        if action is None:
            return _nothing(f"there is no action {wish.action}")
        if wish.version not in (None, snapshot.document.version):
            return _nothing(MOVED)
        if action.needs_instruction and not wish.instruction.strip():
            return _nothing("nobody said what to do")
        if wish.endpoint and self.closed is None:
            return _nothing(f"{plain(wish.endpoint)[:60]} cannot be asked: {NO_CLOSED}")
        if not wish.endpoint and self._core.facts.phase != "ready":
            self._core.recheck()
            return _nothing(self._core.facts.reason or "the model is not loaded yet")
        return await self._made(snapshot, wish, action)

    async def _made(self, snapshot: Snapshot, wish: Wish, action: Action) -> Made | Refused:
        uri = snapshot.document.uri
        self._ahead.stop()
        if (previous := self._running.get(uri)) is not None:
            previous.stop(OTHER)
        settings = self._settings_of(snapshot)
        deadline_s = settings.refactor_deadline_s
        work = self._outbox.work("Indoors: editing", lambda: running.stop(STOPPED))
        running = _Running(
            asyncio.ensure_future(self._run(snapshot, wish, action, deadline_s, work))
        )
        self._running[uri] = running
        try:
            # An answer that is being written at the deadline may end; then no other one begins.
            patience_s = 2.0 * deadline_s + self._tidying.takes_s(settings)
            # Who looks at what would be sent takes the time that it takes.
            return await asyncio.wait_for(running.task, None if wish.endpoint else patience_s)
        except TimeoutError:
            return _nothing(f"it took longer than {deadline_s} seconds (refactor.deadlineSeconds)")
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if running.reason and not (current is not None and current.cancelling()):
                return _nothing(running.reason)
            raise
        finally:
            work.end()
            if self._running.get(uri) is running:
                del self._running[uri]

    async def _run(
        self, snapshot: Snapshot, wish: Wish, action: Action, deadline_s: float, work: Working
    ) -> Made | Refused:
        document = snapshot.document
        started_s = self._clock()
        try:
            outline = await self._outlines.of(document, PATIENT_S)
            if outline is None:
                return _nothing("this text cannot be parsed here, and so no edit could be checked")
            request = await self._request(snapshot, wish, outline)
            if action.name == actions.TESTS:
                request = await tests_request.for_tests(request, self._around(snapshot))
            with self._busy.running():
                on_text = Progress(work, request)
                if wish.endpoint and self.closed is not None:
                    found = await self.closed.edit(snapshot, request, wish.endpoint, on_text)
                elif isinstance(editing := self._core.editing(request.document), NoSafeEdit):
                    found = editing
                else:
                    late_s = started_s + deadline_s
                    found = await editing.edit(
                        request, is_late=lambda: self._clock() >= late_s, on_text=on_text
                    )
        except InputError as error:
            return _nothing(error.what)
        except Exception as error:  # noqa: BLE001 - a fault of ours costs one edit (I9)
            _log.exception("an edit failed: %s", type(error).__name__)
            return _nothing("something went wrong in Indoors; the log says what")
        if isinstance(found, NoSafeEdit):
            text = f"No safe edit found: {why(found).rstrip('.')}."
            return Refused(reason=plain(text), attempts=found.attempts)
        found, untidy = await self._tidying.tidied(request, found, self._settings_of(snapshot))
        now = self._session.snapshot(wish.uri)
        if now is None or now.document != document:
            return _nothing(MOVED)
        said = plain(f"{checked(found, wish.endpoint or self._core.facts.model)} {untidy}")
        if found.document != document:
            return await self._elsewhere(found, request, said)
        return Made(
            edit=found,
            lines=snapshot.lines,
            version=document.version,
            title=plain(found.title),
            checked=said,
            is_executed=is_executed(*paths_of(snapshot)),
        )

    async def _request(self, snapshot: Snapshot, wish: Wish, outline: Outline) -> EditRequest:
        problem = wish.problem
        request = EditRequest(
            document=snapshot.document,
            selection=self._span(snapshot, wish.range),
            action=wish.action,
            outline=outline,
            instruction=wish.instruction,
            problems=(self._problem(snapshot, problem),) if problem else (),
        )
        told = self._ahead.told(request)
        # What a policy or a setting keeps since is shown no more.
        refused = (self._refuses(snapshot.root, one.path) for one in told.snippets)
        if told is not request and not any(refused):
            return told
        model = self._core.model_for("refactor", snapshot.document)
        return await edit_request.with_context(request, self._retrieval, model)

    async def _elsewhere(self, found: Edit, request: EditRequest, said: str) -> Made | Refused:
        """An edit of another file than the one that it was asked for in, if that is as it was."""
        document = found.document
        is_new = request.subject is not None and request.subject.is_new
        if is_new and not self.client_creates:
            return _nothing(
                f"this editor cannot create {document.path}. Next: indoors refactor --write"
            )
        opened = self._session.snapshot(document.uri)
        if opened is not None:
            is_same = opened.document == document
        else:
            is_same = await asyncio.to_thread(tests_request.is_as_read, document, is_new=is_new)
        if not is_same:
            return _nothing(f"{document.path} has changed")
        return Made(
            edit=found,
            lines=Lines(document.text),
            version=opened.document.version if opened is not None else None,
            title=plain(f"{found.title} in {document.path}"),
            checked=said,
            is_executed=is_executed(document.path),
            is_new=is_new,
        )

    # --- what both need -------------------------------------------------------------------------

    def _around(self, snapshot: Snapshot) -> tests_request.Around:
        """The project of a document, for what is written into another file of it."""
        root = snapshot.root
        if not root:
            raise InputError("the file is in no folder that is open, so its tests have no place")
        by_path = {
            one.document.path: one.document
            for one in map(self._session.snapshot, self._session.uris())
            if one is not None and one.root == root
        }
        return tests_request.Around(
            root=Path(root),
            paths=lambda: self._retrieval.paths(snapshot.document.uri),
            refuses=lambda path: "it is not to be read" if self._refuses(root, path) else "",
            outline=lambda document: self._core.outline(document, PATIENT_S),
            opened=by_path.get,
        )

    def why_not(self, snapshot: Snapshot) -> str:
        """Why a document is not edited, "" if it is."""
        if scheme_of(snapshot.document.uri) in READ_ONLY_SCHEMES:
            return "this is a read-only view"
        if not self._settings_of(snapshot).refactor_enabled:
            return "refactor.enabled is off"
        if len(snapshot.document.text) > edit_request.MAX_CHARACTERS:
            return edit_request.TOO_LONG
        if not self.client_confirms and is_executed(*paths_of(snapshot)):
            return (
                "this file is executed by tools, and this editor cannot ask before it changes it. "
                "Next: indoors refactor, which shows the change"
            )
        return self._refusal(snapshot)

    def _span(self, snapshot: Snapshot, place: Place) -> Span:
        encoding = self._session.encoding
        ends = [
            snapshot.lines.offset(corner.line, corner.character, encoding)
            for corner in (place.start, place.end)
        ]
        return Span(min(ends), max(ends))

    def _problem(self, snapshot: Snapshot, report: Report) -> Problem:
        return Problem(plain(report.message), self._span(snapshot, report.range), report.source)


def _nothing(reason: str) -> Refused:
    return Refused(reason=plain(f"Nothing was edited: {reason.rstrip('.')}."))
