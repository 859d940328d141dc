"""What the server sends by itself: status, progress, messages, log lines, traces, edits.

Messages are written as plain JSON-RPC, so this module needs no protocol library. The requests to
the client, `window/workDoneProgress/create` and `workspace/applyEdit`, are sent only if the client
can answer them.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from indoors_server.ports import Mark
from indoors_server.status import Status
from indoors_server.work_progress import Work

# LSP 3.18, MessageType and DiagnosticSeverity: the same numbers.
_MESSAGE_TYPES = {"error": 1, "warning": 2, "info": 3}


class EditorOutbox:
    """Sends to one editor. `send` takes a JSON-RPC message without its version."""

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        self._send = send
        self._ids = (f"indoors-{number}" for number in itertools.count(1))
        self._open = False
        self._waiting: list[dict[str, Any]] = []
        self._progress: _LoadProgress | None = None
        self._works: dict[str, Work] = {}
        self._applying: dict[str, asyncio.Future[str]] = {}
        self._previews: dict[str, asyncio.Future[bool | None]] = {}
        self.client_applies_edits = False
        # Whether the client shows what would be sent to a closed API, and asks.
        self.client_previews_sends = False
        self.client_shows_progress = False
        self.client_shows_diagnostics = False
        self.tracing = False

    def open(self) -> None:
        """The client said `initialized`: what had to wait goes out."""
        self._open = True
        for message in self._waiting:
            self._send(message)
        self._waiting.clear()

    def status(self, status: Status) -> None:
        """Send `indoors/status`, and a load's progress as `$/progress`."""
        self._notify("indoors/status", msgspec.to_builtins(status))
        if status.phase == "loading" and self._progress is None and self.client_shows_progress:
            self._progress = _LoadProgress(next(self._ids), self._notify)
            self._post(self._progress.create())
        if self._progress is not None:
            self._progress.update(status)
            if status.phase != "loading":
                self._progress = None

    def completion_ready(self, uri: str, version: int) -> None:
        """Send `indoors/completionReady`: asked again, a document has more to show."""
        document = {"uri": uri, "version": version}
        self._notify("indoors/completionReady", {"textDocument": document})

    def marks(self, uri: str, version: int | None, marks: list[Mark]) -> None:
        """Send `textDocument/publishDiagnostics`, if the client shows diagnostics."""
        if not self.client_shows_diagnostics:
            return
        params: dict[str, Any] = {"uri": uri, "diagnostics": [_diagnostic(mark) for mark in marks]}
        if version is not None:
            params["version"] = version
        self._notify("textDocument/publishDiagnostics", params)

    def message(self, kind: Literal["error", "warning", "info"], text: str) -> None:
        """Show a message to the person."""
        self._notify("window/showMessage", {"type": _MESSAGE_TYPES[kind], "message": text})

    def log(self, kind: Literal["error", "warning", "info"], text: str) -> None:
        """Write a line into the editor's log of us."""
        params = {"type": _MESSAGE_TYPES[kind], "message": f"Indoors: {text}"}
        self._notify("window/logMessage", params)

    def work(self, title: str, on_cancel: Callable[[], None]) -> Work:
        """Show a piece of work as it goes on, if the client can; it may cancel it."""
        self._works = {token: work for token, work in self._works.items() if not work.is_over}
        work = Work(next(self._ids), title, self._notify, on_cancel)
        if self.client_shows_progress:
            self._works[work.token] = work
            self._post(work.create())
        return work

    def cancelled(self, token: object) -> None:
        """The person cancelled a piece of work."""
        if (work := self._works.get(str(token))) is not None and not work.is_over:
            work.cancel()

    def trace(self, text: str) -> None:
        """Send `$/logTrace` if the client asked for traces."""
        if self.tracing:
            self._notify("$/logTrace", {"message": text})

    async def apply(self, label: str, edit: object) -> str:
        """Send `workspace/applyEdit`, and wait for what came of it; why it was not applied, or "".

        `edit` is a WorkspaceEdit as plain JSON. A person may have to confirm it first, and nobody
        knows how long that takes.
        """
        if not self.client_applies_edits:
            return "this editor does not take edits from a language server"
        number = next(self._ids)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._applying[number] = answer
        params = {"label": label, "edit": edit}
        self._post({"id": number, "method": "workspace/applyEdit", "params": params})
        try:
            return await answer
        finally:
            del self._applying[number]

    async def preview_send(self, params: dict[str, Any]) -> bool | None:
        """Send `indoors/previewSend`: whether a person accepted it; None where nobody was asked.

        Anything but a clear yes is none.
        """
        if not self.client_previews_sends:
            return None
        number = next(self._ids)
        answer: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        self._previews[number] = answer
        self._post({"id": number, "method": "indoors/previewSend", "params": params})
        try:
            return await answer
        except asyncio.CancelledError:
            # Nothing will be sent, so nobody should go on reading it.
            self._notify("$/cancelRequest", {"id": number})
            raise
        finally:
            del self._previews[number]

    def answered(self, request_id: object, ok: bool, result: object = None) -> None:
        """The client answered a request of ours."""
        applying = self._applying.get(str(request_id))
        if applying is not None and not applying.done():
            applying.set_result(_why_not_applied(result if ok else None))
        preview = self._previews.get(str(request_id))
        if preview is not None and not preview.done():
            is_yes = isinstance(result, dict) and result.get("accepted") is True
            preview.set_result(is_yes if ok else None)
        work = self._works.get(str(request_id))
        if work is not None and ok:
            work.begin()
        if self._progress is not None and self._progress.token == request_id:
            if ok:
                self._progress.begin()
            else:
                self._progress = None

    def _notify(self, method: str, params: dict[str, Any]) -> None:
        self._post({"method": method, "params": params})

    def _post(self, message: dict[str, Any]) -> None:
        if self._open:
            self._send(message)
        else:
            self._waiting.append(message)


def _why_not_applied(result: object) -> str:
    """What an ApplyWorkspaceEditResult says, "" if all was done."""
    result = result if isinstance(result, dict) else {}
    if result.get("applied") is True:
        return ""
    return str(result.get("failureReason") or "the editor did not apply it")[:400]


def _diagnostic(mark: Mark) -> dict[str, Any]:
    return {
        "range": {"start": _position(mark.start), "end": _position(mark.end)},
        "severity": _MESSAGE_TYPES[mark.severity],
        "code": "hidden-characters",
        "source": "indoors",
        "message": mark.message,
    }


def _position(place: tuple[int, int]) -> dict[str, int]:
    return {"line": place[0], "character": place[1]}


class _LoadProgress:
    """One load as work-done progress; begins once the client agreed to the token."""

    def __init__(self, token: str, notify: Callable[[str, dict[str, Any]], None]) -> None:
        self.token = token
        self._notify = notify
        self._begun = False
        self._percentage = 0

    def create(self) -> dict[str, Any]:
        """The request that offers the token; the request has the token's own id."""
        method = "window/workDoneProgress/create"
        return {"id": self.token, "method": method, "params": {"token": self.token}}

    def begin(self) -> None:
        """The client agreed."""
        self._begun = True
        title = "Indoors: loading the model"
        self._say(kind="begin", title=title, percentage=self._percentage, cancellable=False)

    def update(self, status: Status) -> None:
        """Report a step, or the end."""
        percentage = round((status.progress or 0.0) * 100)
        if status.phase != "loading":
            if self._begun:
                self._say(kind="end", message=status.model or status.reason)
        elif percentage > self._percentage:
            self._percentage = percentage
            if self._begun:
                self._say(kind="report", percentage=percentage)

    def _say(self, **value: object) -> None:
        self._notify("$/progress", {"token": self.token, "value": value})
