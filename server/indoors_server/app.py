"""The composition root of the language server: every LSP method on one screen, and the main loop.

pygls supplies the types, the capabilities and the bookkeeping of requests. Reading, framing,
documents and the checks before a message is dispatched are ours (`transport`, `session`,
`dispatch`), because pygls loses its place after a damaged frame, leaves requests with wrong
parameters unanswered, and logs what it is sent.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Generator
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, BinaryIO

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

from indoors_server import __version__, convert, handlers, handshake, lockdown, log, transport
from indoors_server.closed import editor, sending
from indoors_server.dispatch import Dispatcher, send_json
from indoors_server.door import Door
from indoors_server.launching import Launcher
from indoors_server.outbox import EditorOutbox
from indoors_server.ports import Core
from indoors_server.positions import Encoding
from indoors_server.power import Power
from indoors_server.refusals import Refusal
from indoors_server.retrieval import IndexRetrieval
from indoors_server.service import Service
from indoors_server.status import Counters

_log = logging.getLogger("indoors.app")

# A child that does not end and an editor that does not read must not keep us.
EXIT_GRACE_S = 3.0


def register(ls: Server) -> None:
    """Every method the server knows."""
    replaced: dict[str, Callable[..., Any]] = {
        types.EXIT: handlers.did_exit,
        types.SET_TRACE: handlers.set_trace,
        types.WINDOW_WORK_DONE_PROGRESS_CANCEL: handlers.did_cancel_work,
        types.TEXT_DOCUMENT_DID_OPEN: handlers.did_open,
        types.TEXT_DOCUMENT_DID_CHANGE: handlers.did_change,
        types.TEXT_DOCUMENT_DID_CLOSE: handlers.did_close,
        types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: handlers.did_change_folders,
        types.WORKSPACE_EXECUTE_COMMAND: handlers.execute_command,
    }
    for method, handler in replaced.items():
        ls.protocol.fm.add_builtin_feature(method, partial(handler, ls))
    feature, command = ls.feature, ls.command
    feature(types.INITIALIZE)(handlers.initialize)
    feature(types.INITIALIZED)(handlers.initialized)
    feature(types.SHUTDOWN)(handlers.shutdown)
    feature(types.TEXT_DOCUMENT_DID_SAVE)(handlers.did_save)
    feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)(handlers.did_change_configuration)
    inline = types.InlineCompletionOptions()  # pygls advertises the feature only with options
    feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, inline)(handlers.inline_completion)
    # Vim's ALE takes options without any entry for a server that completes nothing.
    popup = types.CompletionOptions(resolve_provider=False)
    feature(types.TEXT_DOCUMENT_COMPLETION, popup)(handlers.completion)
    feature(types.TEXT_DOCUMENT_CODE_ACTION, convert.CODE_ACTIONS)(handlers.code_action)
    feature(types.CODE_ACTION_RESOLVE)(handlers.resolve_code_action)
    feature(convert.DID_SHOW)(handlers.did_show)
    feature(convert.DID_PARTIALLY_ACCEPT)(handlers.did_partially_accept)
    feature(convert.DID_FOCUS)(handlers.did_focus)
    feature(convert.WILL_EDIT)(handlers.will_edit)
    command(convert.ACCEPTED)(handlers.accepted)
    command(convert.STATUS_COMMAND)(handlers.status)
    command(convert.REFACTOR)(handlers.refactor)
    command(convert.EXPLAIN)(handlers.explain)


class IndoorsProtocol(LanguageServerProtocol):
    """pygls' protocol with our notifications and our part of the initialize result."""

    # pygls gives every protocol the server it was made by, which is ours.
    _server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    @lru_cache  # noqa: B019 - one protocol object lives as long as the process
    def get_message_type(self, method: str) -> type[Any] | None:
        """The type that structures a message."""
        return convert.CUSTOM_NOTIFICATIONS.get(method) or super().get_message_type(method)

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(
        self, params: types.InitializeParams
    ) -> Generator[Any, Any, types.InitializeResult]:
        """Amend pygls' result: classic completion only if asked for, and the lock state."""
        result = yield from super().lsp_initialize(params)
        capabilities = result.capabilities
        if not self._server.service.settings.popup:
            capabilities.completion_provider = None
        lock = lockdown.state()
        capabilities.experimental = {
            "indoors": {
                "protocol": handshake.PROTOCOL,
                "lock": {
                    "state": lock.state,
                    "mechanism": lock.mechanism,
                    "reason": lock.reason,
                },
            }
        }
        return result


class Server(LanguageServer):
    """The pygls server with what the handlers need.

    Once the editor is gone the process ends within `exit_grace_s`, whatever still runs; None (in
    tests inside one process) leaves that out.
    """

    # Made by pygls from the class that __init__ names.
    protocol: IndoorsProtocol  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        core: Core,
        clock: Callable[[], float],
        exit_grace_s: float | None = EXIT_GRACE_S,
        configure_log: Callable[[str, bool], None] = lambda *_: None,
        on_battery: Callable[[], bool] = lambda: False,
        retrieval: IndexRetrieval | None = None,
        record: Callable[[Counters], None] = lambda _counters: None,
        refused: Callable[[Refusal], None] = lambda _refusal: None,
        launcher: Launcher | None = None,
        door: Door | None = None,
    ) -> None:
        super().__init__(
            "indoors",
            __version__,
            protocol_cls=IndoorsProtocol,
            converter_factory=convert.converter,
            max_workers=1,
        )
        self.outbox = EditorOutbox(self._send)
        self.launcher = launcher or Launcher()
        self.launcher.on_change = self._launcher_changed
        self.service = Service(
            core,
            self.outbox,
            clock,
            lock=lockdown.state().state,
            on_battery=on_battery,
            retrieval=retrieval,
            record=record,
            refused=refused,
            launcher=lambda: self.launcher.state,
        )
        if door is not None:
            around = editor.surroundings(door, self.service.policies, core.outline)
            self.service.edits.closed = editor.ClosedEdits(
                sending.Closed(around),
                self.outbox.preview_send,
                lambda: self.outbox.client_previews_sends,
            )
        self.service.read_user_settings()
        self.parent_watch = transport.ParentWatch(self._editor_gone)
        self.greeting = ""
        self.editing = convert.EditingClient()
        self._exit_grace_s = exit_grace_s
        self._configure_log = configure_log
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: asyncio.Event | None = None
        self._writer: transport.FrameWriter | None = None
        register(self)

    def negotiated_encoding(self) -> Encoding:
        """The position encoding that pygls chose by the client's preference."""
        chosen = self.workspace.position_encoding  # an enum or a string, as the client sent it
        return "utf-8" if chosen == "utf-8" else "utf-32" if chosen == "utf-32" else "utf-16"

    def apply_settings(self) -> None:
        """Resolve the settings' layers and let them count."""
        self.service.apply_settings()
        settings = self.service.settings
        self._configure_log(settings.log_level, settings.log_file)

    def start_working(self) -> None:
        """Load the model; `initialize` has been answered."""
        self.service.start()
        if self.greeting:
            self.outbox.message("warning", self.greeting)

    def report_server_error(self, error: Exception, source: Any) -> None:  # noqa: ANN401, ARG002 - pygls' signature
        """Log the kind of error; pygls would show its text, which may quote source text."""
        _log.error("a handler failed: %s", type(error).__name__)

    def _launcher_changed(self) -> None:
        self.service.refresh_status()
        if self.launcher.state == "gone":
            self.outbox.message("warning", f"Indoors: {self.launcher.reason}.")

    def stop(self) -> None:
        """Leave the main loop."""
        if self._done is not None:
            self._done.set()

    def _send(self, message: dict[str, Any]) -> None:
        if self._writer is not None:
            send_json(self._writer, message)

    def _editor_gone(self) -> None:
        # Called from other threads. The loop may be stuck; then the timer ends us.
        if self._exit_grace_s is not None:
            transport.end_process_after(self._exit_grace_s, 1)
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self.stop)

    async def serve(self, stream: BinaryIO, descriptor: int) -> int:
        """Serve one editor until it leaves; the exit status LSP asks for."""
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        self._writer = writer = transport.FrameWriter(descriptor, self.stop)
        self.protocol.set_writer(writer)
        dispatcher = Dispatcher(
            self.protocol, writer, self._loop, self.outbox.answered, self._editor_gone
        )
        self.parent_watch.start()
        await self.launcher.open()
        transport.start_reading(stream, dispatcher)
        await self._done.wait()
        self.parent_watch.stop()
        await self.launcher.close()
        await self.service.close()
        return 0 if dispatcher.was_shut_down else 1


def run(
    core: Core,
    clock: Callable[[], float],
    retrieval: IndexRetrieval | None = None,
    record: Callable[[Counters], None] = lambda _counters: None,
    refused: Callable[[Refusal], None] = lambda _refusal: None,
    launcher: Launcher | None = None,
    door: Door | None = None,
) -> int:
    """Serve the editor on stdin and stdout; the exit status."""
    stream, descriptor = transport.take_over_stdio()
    power = Power(clock)
    server = Server(
        core,
        clock,
        configure_log=log.configure,
        on_battery=power.on_battery,
        retrieval=retrieval,
        record=record,
        refused=refused,
        launcher=launcher,
        door=door,
    )
    status = asyncio.run(server.serve(stream, descriptor))
    # The reading thread may still sit in a read: leave without waiting for it.
    logging.shutdown()
    os._exit(status)
