"""Indoors in a typing replay: the real server, with a client that does what our plugins do.

At a key: `didChange`, then `inlineCompletion` with the automatic trigger; a request that is still
pending is cancelled first. Ghost text stays while it is typed through, as VS Code keeps it, until
the answer replaces it. When the server says with `indoors/completionReady` that more is known, the
client asks again at the same place, unless something was typed since.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from replay_answers import Item, Pending, TraceLine, item_of, note, parse_trace_line
from replay_lsp import LspClient, Message, ServerEnded
from replay_metrics import Key, Shown, Totals
from replay_system import System, SystemFailed
from replay_trace import Change, Document, Event, Trace, units
from replay_workspace import path_of

CLIENT = {"name": "Indoors replay", "version": "0.1.0", "protocol": 1, "refresh": True}
_LOAD_S = 300.0
_ANSWER_S = 120.0
_CANCELLED = -32800
_AUTOMATIC = 2
_INDEX_S = 120.0


class Indoors(System):
    """The server and its client."""

    name = "indoors"

    def __init__(self, settings: dict[str, Any], *, workspace: Path | None, verbose: bool) -> None:
        self._settings = settings
        self._workspace = workspace
        self._verbose = verbose
        self._lsp = LspClient(self._notified)
        self._phase = ""
        self._reason = ""
        self._status_changed = asyncio.Event()
        self._uri = ""
        self._n_documents = 0
        self._document: Document | None = None
        self._key: Key | None = None
        self._pending: Pending | None = None
        self._ghost: Item | None = None
        self._reported: set[str] = set()
        self._after_change: Callable[[], None] | None = None
        self._idle = asyncio.Event()
        self._lines: list[TraceLine] = []
        self._fresh: list[TraceLine] = []  # lines that no answer has been matched with
        self._engine_before: dict[str, int] | None = None
        self._ended = False
        self._n_ready = self._n_refreshed = self._n_cancelled = 0
        self.last_line: TraceLine | None = None

    @property
    def pid(self) -> int:
        return self._lsp.pid

    async def start(self) -> None:
        await self._lsp.start(verbose=self._verbose)
        options: dict[str, Any] = {"client": CLIENT, "settings": self._settings}
        folder = self._workspace
        folders = [{"uri": folder.as_uri(), "name": "replay"}] if folder else None
        await self._lsp.request(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": None,
                "capabilities": {
                    "general": {"positionEncodings": ["utf-16"]},
                    "textDocument": {"inlineCompletion": {}},
                },
                "workspaceFolders": folders,
                "initializationOptions": options,
            },
        )
        self._lsp.notify("initialized", {})
        self._lsp.notify("$/setTrace", {"value": "verbose"})
        await self._ready()
        if folder:
            await self._indexed()
        self._engine_before = (await self._status()).get("engine")

    async def _ready(self) -> None:
        try:
            async with asyncio.timeout(_LOAD_S):
                while self._phase not in ("ready", "busy", "inactive"):
                    if self._phase == "error":
                        raise SystemFailed(f"indoors: {self._reason}")
                    await self._status_changed.wait()
                    self._status_changed.clear()
        except TimeoutError:
            raise SystemFailed(
                f"indoors was not ready within {_LOAD_S:g} s: run `indoors doctor`"
            ) from None

    async def _indexed(self) -> None:
        """Wait until the workspace is in the index."""
        try:
            async with asyncio.timeout(_INDEX_S):
                while True:
                    roots = (await self._status()).get("index") or []
                    if roots and all(root.get("phase") == "ready" for root in roots):
                        return
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise SystemFailed(f"the index was not ready within {_INDEX_S:g} s") from None

    async def open(self, trace: Trace, document: Document) -> None:
        self._n_documents += 1
        self._uri = f"file:///replay/{self._n_documents}/{trace.path}"
        if self._workspace:
            self._uri = (self._workspace / path_of(trace)).as_uri()
        self._document = document
        self._lsp.notify(
            "textDocument/didOpen",
            {
                "textDocument": {
                    "uri": self._uri,
                    "languageId": trace.language,
                    "version": document.version,
                    "text": document.text,
                }
            },
        )
        self._focus(document)

    def press(self, key: Key, document: Document, change: Change, event: Event) -> None:
        if self._ended:
            raise SystemFailed("indoors: the server ended: run again with --verbose to see why")
        self._key = key
        self._type_through(event)
        self._cancel()
        self._lsp.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": self._uri, "version": document.version},
                "contentChanges": [
                    {
                        "range": {"start": _place(change.start), "end": _place(change.end)},
                        "text": change.text,
                    }
                ],
            },
        )
        if self._after_change is not None:
            self._after_change()
            self._after_change = None
        self._ask(key, refresh=False)

    def jump(self, document: Document) -> None:
        # Editors do not ask when the cursor moves; they hide the text and cancel. A plugin tells
        # where the cursor rests when typing may begin there (InsertEnter, a click).
        self._cancel()
        self._ghost = None
        self._focus(document)

    def _focus(self, document: Document) -> None:
        place = {"textDocument": {"uri": self._uri}, "position": _place(document.position())}
        self._lsp.notify("textDocument/didFocus", place)

    def shown(self) -> Shown | None:
        return self._ghost.shown if self._ghost else None

    def accepting(self, text: str) -> None:
        item = self._ghost
        if item is None:
            return
        if item.shown.text == text:
            parameters = {"command": "indoors.accepted", "arguments": [item.id]}
            self._after_change = lambda: self._tell("workspace/executeCommand", parameters)
        elif item.shown.text.startswith(text + "\n"):
            whole = str(item.raw["insertText"])
            length = units(whole[: len(whole) - len(item.shown.text) + len(text)])
            taken = {"item": item.raw, "acceptedLength": length}
            method = "textDocument/didPartiallyAcceptCompletion"
            self._after_change = lambda: self._lsp.notify(method, taken)

    async def settled(self) -> None:
        try:
            async with asyncio.timeout(_ANSWER_S):
                await self._idle.wait()
        except TimeoutError:
            raise SystemFailed(f"indoors gave no answer within {_ANSWER_S:g} s") from None

    async def close(self) -> None:
        self._cancel()
        self._ghost = self._document = self._key = None
        self._lsp.notify("textDocument/didClose", {"textDocument": {"uri": self._uri}})

    async def totals(self) -> Totals:
        status = await self._status()
        totals = Totals(
            model_calls=sum(line.source == "model" for line in self._lines) + self._n_cancelled,
            tokens_evaluated=sum(line.n_evaluated for line in self._lines),
            tokens_generated=sum(line.n_generated for line in self._lines),
            extra={
                "n_ready_notices": self._n_ready,
                "n_refreshed": self._n_refreshed,
                "n_cancelled": self._n_cancelled,
                "totals_from": "traces (cancelled and background work is missing)",
            },
        )
        engine, before = status.get("engine"), self._engine_before or {}
        if isinstance(engine, dict):
            spent = {
                name: value - before.get(name, 0)
                for name, value in engine.items()
                if isinstance(value, int) and not isinstance(value, bool)
            }
            totals.model_calls = spent.get("n_jobs", totals.model_calls)
            totals.tokens_evaluated = spent.get("n_tokens_evaluated", totals.tokens_evaluated)
            totals.tokens_generated = spent.get("n_tokens_generated", totals.tokens_generated)
            totals.extra |= {"engine": spent, "totals_from": "indoors.status"}
        return totals

    async def stop(self) -> None:
        await self._lsp.stop()

    # --- asking -------------------------------------------------------------------------------

    def _ask(self, key: Key, *, refresh: bool) -> None:
        assert self._document is not None
        pending = Pending(key, time.perf_counter(), self._document.version, refresh)
        self._pending = pending
        self._idle.clear()
        line, character = self._document.position()
        pending.id = self._lsp.ask(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": self._uri},
                "position": {"line": line, "character": character},
                "context": {"triggerKind": _AUTOMATIC},
            },
            lambda message: self._answered(pending, message),
        )

    def _cancel(self) -> None:
        if self._pending is not None:
            self._pending.cancelled = True
            self._n_cancelled += 1
            self._lsp.cancel(self._pending.id)
            self._pending = None
        self._idle.set()

    def _answered(self, pending: Pending, message: Message) -> None:
        now_s = time.perf_counter()
        if pending.cancelled:
            return
        self._pending = None
        self._idle.set()
        error = message.get("error")
        if error and error.get("ended"):
            self._ended = True
        elif error and error.get("code") != _CANCELLED:
            sys.stderr.write(f"indoors: {error.get('message')}\n")
        if error:
            return
        assert self._document is not None
        items = (message.get("result") or {}).get("items") or []
        item = item_of(items[0], self._document) if items else None
        line = self._take_line(item, pending)
        self.last_line = line
        # A text that was announced belongs to the same key: it replaces nothing with nothing.
        if item is not None or not pending.refresh:
            self._ghost = item
        note(pending, item, line, now_s)
        self._n_refreshed += pending.refresh and item is not None
        if item is not None and item.id not in self._reported:
            self._reported.add(item.id)
            self._lsp.notify("textDocument/didShowCompletion", {"item": item.raw})
        self.on_change()

    def _take_line(self, item: Item | None, pending: Pending) -> TraceLine:
        """The trace line of an answer: by its id, or for an empty answer the last one."""
        since = [line for line in self._fresh if line.at_s >= pending.sent_s and line.source]
        if item is not None:
            since = [line for line in since if line.id == item.id] or since
        self._fresh.clear()
        return since[-1] if since else TraceLine()

    def _type_through(self, event: Event) -> None:
        item = self._ghost
        typed = event.text if event.kind != "backspace" else ""
        if item is None or not typed or not item.shown.text.startswith(typed):
            self._ghost = None
            return
        rest = item.shown.text[len(typed) :]
        self._ghost = Item(item.raw, Shown(rest, item.shown.replaces), item.id) if rest else None

    # --- being told ---------------------------------------------------------------------------

    def _notified(self, method: str, params: Any) -> None:
        if method == "indoors/status":
            self._phase, self._reason = params["phase"], params.get("reason", "")
            self._status_changed.set()
        elif method == "$/logTrace":
            line = parse_trace_line(str(params.get("message", "")))
            self._lines.append(line)
            self._fresh.append(line)
        elif method == "indoors/completionReady":
            self._ready_again(params["textDocument"])
        elif method == "window/showMessage":
            sys.stderr.write(f"indoors says: {params['message']}\n")

    def _ready_again(self, about: dict[str, Any]) -> None:
        self._n_ready += 1
        document, key = self._document, self._key
        if document is None or key is None or about.get("uri") != self._uri:
            return
        if about.get("version") == document.version and self._pending is None:
            self._ask(key, refresh=True)

    def _tell(self, method: str, params: Any) -> None:
        self._lsp.ask(method, params, lambda _: None)

    async def _status(self) -> dict[str, Any]:
        parameters = {"command": "indoors.status", "arguments": []}
        try:
            result = await self._lsp.request("workspace/executeCommand", parameters)
        except (ServerEnded, RuntimeError) as error:
            raise SystemFailed(f"indoors: {error}") from error
        return result if isinstance(result, dict) else {}


def _place(position: tuple[int, int]) -> dict[str, int]:
    return {"line": position[0], "character": position[1]}
