"""Edits for one editor: what is offered at a place, and the making of what was chosen.

    offers -> outline of the document (cached per version) -> refactor.actions       no model
    make   -> may it be edited? -> request -> core.edit -> same document still? -> Made | Refused

One edit runs per document. It ends at once when the document changes, when the editor or the person
cancels it, and when a newer one is asked for; the model stops with it. All methods run on the event
loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

import msgspec

from indoors_completion import chat
from indoors_completion.refactor import actions, verify
from indoors_completion.refactor.actions import Action
from indoors_completion.refactor.types import Edit, EditRequest, NoSafeEdit, Problem
from indoors_indexing.types import Document, Outline, Span
from indoors_server import edit_request
from indoors_server.busy import Busy
from indoors_server.edit_values import Made, Offered, Place, Refused, Report, Wish, plain, why
from indoors_server.executed_files import is_executed
from indoors_server.ports import Core, Outbox, Working
from indoors_server.retrieval import IndexRetrieval
from indoors_server.session import READ_ONLY_SCHEMES, Session, Snapshot, scheme_of
from indoors_server.settings import Settings

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
_OURS = "indoors"


class _Outlined(msgspec.Struct):
    document: Document
    task: asyncio.Future[Outline | None]


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
        busy: Busy,
    ) -> None:
        self._core, self._outbox, self._clock = core, outbox, clock
        self._session, self._retrieval = session, retrieval
        self._settings_of, self._refusal, self._refused = settings_of, refusal, refused
        self._busy = busy
        # Whether the editor asks a person before it applies what says that it must be confirmed.
        self.client_confirms = False
        self._running: dict[str, _Running] = {}
        self._outlines: dict[str, _Outlined] = {}
        self._changed_s: dict[str, float] = {}

    # --- documents ------------------------------------------------------------------------------

    def changed(self, uri: str) -> None:
        """A document changed: an edit of what it was is of no use."""
        self._changed_s[uri] = self._clock()
        if (running := self._running.get(uri)) is not None:
            running.stop(MOVED)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._changed_s.pop(uri, None)
        if (outlined := self._outlines.pop(uri, None)) is not None:
            outlined.task.cancel()
        if (running := self._running.get(uri)) is not None:
            running.stop(MOVED)

    def close(self) -> None:
        """The server ends: what runs is answered."""
        for outlined in self._outlines.values():
            outlined.task.cancel()
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
        snapshot, model = self._session.snapshot(uri), self._core.model
        if snapshot is None or self.why_not(snapshot) or model is None:
            return []
        if self._core.facts.phase != "ready":
            return []
        if reason := chat.unfit_reason(model):
            menu = Offered(title="Edit with a model", kind="refactor.rewrite", disabled=reason)
            return [] if automatic or not _is_wanted(menu.kind, only) else [menu]
        document = snapshot.document
        is_calm = self._clock() - self._changed_s.get(document.uri, -CALM_S) >= CALM_S
        may_begin = is_calm and len(document.text) <= AUTOMATIC_CHARACTERS
        if automatic and not may_begin and not self._is_outlined(document):
            return []
        outline = await self._outline(document, GLANCE_S if automatic else PATIENT_S)
        if outline is None:
            return []
        here = EditRequest(
            document=document,
            selection=self._span(snapshot, place),
            action="",
            outline=outline,
        )
        wish = Wish(uri=uri, range=place, action="", version=document.version)
        found = self._fixes(snapshot, here, wish, reports) + [
            _offered(offer, wish) for offer in actions.offered(here)
        ]
        return [one for one in found if _is_wanted(one.kind, only)]

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
                    found.append(_offered(offer, about, number))
        return found

    # --- the making -----------------------------------------------------------------------------

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
        if self._core.facts.phase != "ready":
            self._core.recheck()
            return _nothing(self._core.facts.reason or "the model is not loaded yet")
        return await self._made(snapshot, wish, action)

    async def _made(self, snapshot: Snapshot, wish: Wish, action: Action) -> Made | Refused:
        uri = snapshot.document.uri
        if (previous := self._running.get(uri)) is not None:
            previous.stop(OTHER)
        deadline_s = self._settings_of(snapshot).refactor_deadline_s
        work = self._outbox.work("Indoors: editing", lambda: running.stop(STOPPED))
        running = _Running(
            asyncio.ensure_future(self._run(snapshot, wish, action, deadline_s, work))
        )
        self._running[uri] = running
        try:
            # An answer that is being written at the deadline may end; then no other one begins.
            return await asyncio.wait_for(running.task, 2.0 * deadline_s)
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
            outline = await self._outline(document, PATIENT_S)
            if outline is None:
                return _nothing("this text cannot be parsed here, and so no edit could be checked")
            problem = wish.problem
            request = await edit_request.with_context(
                EditRequest(
                    document=document,
                    selection=self._span(snapshot, wish.range),
                    action=action.name,
                    outline=outline,
                    instruction=wish.instruction,
                    problems=(self._problem(snapshot, problem),) if problem else (),
                ),
                self._retrieval,
                self._core.model,
            )
            with self._busy.running():
                found = await self._core.edit(
                    request,
                    is_late=lambda: self._clock() - started_s >= deadline_s,
                    on_text=_Progress(work, request),
                )
        except Exception as error:  # noqa: BLE001 - a fault of ours costs one edit (I9)
            _log.exception("an edit failed: %s", type(error).__name__)
            return _nothing("something went wrong in Indoors; the log says what")
        if isinstance(found, NoSafeEdit):
            text = f"No safe edit found: {why(found).rstrip('.')}."
            return Refused(reason=plain(text), attempts=found.attempts)
        now = self._session.snapshot(wish.uri)
        if now is None or now.document != document:
            return _nothing(MOVED)
        if found.new_files:
            return _nothing("it would create files, which is not done from here")
        return Made(
            snapshot=snapshot,
            edit=found,
            title=plain(found.title),
            checked=checked(found, self._core.facts.model),
            is_executed=is_executed(*_paths(snapshot)),
        )

    # --- what both need -------------------------------------------------------------------------

    def why_not(self, snapshot: Snapshot) -> str:
        """Why a document is not edited, "" if it is."""
        if scheme_of(snapshot.document.uri) in READ_ONLY_SCHEMES:
            return "this is a read-only view"
        if not self._settings_of(snapshot).refactor_enabled:
            return "refactor.enabled is off"
        if len(snapshot.document.text) > edit_request.MAX_CHARACTERS:
            return edit_request.TOO_LONG
        if not self.client_confirms and is_executed(*_paths(snapshot)):
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

    def _is_outlined(self, document: Document) -> bool:
        known = self._outlines.get(document.uri)
        return known is not None and known.document == document

    async def _outline(self, document: Document, within_s: float) -> Outline | None:
        """The outline of a document, made once for each version; None if it is not there by then
        (the next question may find it), or there is none.
        """
        if not self._is_outlined(document):
            if (old := self._outlines.pop(document.uri, None)) is not None:
                old.task.cancel()
            asked = asyncio.ensure_future(self._core.outline(document, within_s))
            self._outlines[document.uri] = _Outlined(document, asked)
        task = self._outlines[document.uri].task
        await asyncio.wait({task}, timeout=within_s)
        if not task.done():
            return None
        failed = task.cancelled() or task.exception() is not None
        outline = None if failed else task.result()
        if outline is None:  # a parser that was busy, or just started, may have it the next time
            self._outlines.pop(document.uri, None)
        return outline


class _Progress:
    """What is shown of an answer while it is written: how much there is of it, none of its text."""

    def __init__(self, work: Working, request: EditRequest) -> None:
        self._work = work
        target = actions.BY_NAME[request.action].applies(request)
        self._expected = max(1, len(target.text) if target is not None else 1)
        self._n_characters = self._n_lines = 0
        self._n_answers = 1

    def __call__(self, text: str) -> None:
        is_new = len(text) < self._n_characters
        self._n_characters, before = len(text), self._n_lines
        self._n_lines = n_lines = text.count("\n") + 1
        if n_lines == before and not is_new:
            return  # a message for each token would be some fifty a second
        self._n_answers += is_new
        number = f"answer {self._n_answers}: " if self._n_answers > 1 else ""
        lines = f"{n_lines} line" if n_lines == 1 else f"{n_lines} lines"
        self._work.report(f"{number}{lines}", min(95, 100 * len(text) // self._expected))


def checked(edit: Edit, model: str) -> str:
    """What was done to know that an edit is one, for the person who confirms it."""
    number = f" (answer {len(edit.attempts)})" if len(edit.attempts) > 1 else ""
    return plain(
        f"Written by {model or 'the model'}{number}. {len(verify.CHECKS)} checks passed: syntax, "
        "names in use, public names, signatures, documentation, style. Nothing was run."
    )


def _offered(offer: actions.Offer, wish: Wish, n_problem: int | None = None) -> Offered:
    return Offered(
        title=plain(offer.title),
        kind=offer.action.kind,
        wish=msgspec.structs.replace(wish, action=offer.action.name),
        needs_instruction=offer.action.needs_instruction,
        n_problem=n_problem,
    )


def _is_wanted(kind: str, only: tuple[str, ...]) -> bool:
    """LSP's kinds are a tree: `refactor` wants `refactor.rewrite` too, and "" everything."""
    return not only or any(
        not wanted or kind == wanted or kind.startswith(f"{wanted}.") for wanted in only
    )


def _paths(snapshot: Snapshot) -> list[str]:
    """A document's path as it is named, and where links lead."""
    document = snapshot.document
    if scheme_of(document.uri) != "file":
        return [document.path]
    return [snapshot.file, os.path.realpath(snapshot.file)]


def _nothing(reason: str) -> Refused:
    return Refused(reason=plain(f"Nothing was edited: {reason.rstrip('.')}."))
