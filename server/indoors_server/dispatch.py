"""From bytes to handlers: the checks before a message reaches pygls.

Every request gets exactly one answer (I8), also one that cannot be understood: an unreadable body
is answered with a parse error for id null, wrong parameters with InvalidParams for the request's
id. A damaged notification is dropped. Nothing that a client sends ends the server.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol

from indoors_server.transport import FrameWriter

_log = logging.getLogger("indoors.dispatch")

# JSON-RPC 2.0 section 5.1 and LSP 3.18 ErrorCodes.
PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
NOT_INITIALIZED = -32002

# Messages read but not handled yet; then reading pauses and the pipe holds the editor back.
_MAX_WAITING = 256
_CANCEL = "$/cancelRequest"


class Features(Protocol):
    """The part of pygls' feature manager that says which methods exist."""

    @property
    def features(self) -> dict[str, Any]:
        """What we registered."""
        ...

    @property
    def builtin_features(self) -> dict[str, Any]:
        """What pygls handles, and what we put in its place."""
        ...


class Rpc(Protocol):
    """The part of pygls' protocol object that takes messages."""

    fm: Any

    def structure_message(self, data: dict[str, Any]) -> Any:  # noqa: ANN401 - an LSP message type
        """Turn JSON into a typed message; raises on wrong parameters."""
        ...

    def handle_message(self, message: Any) -> None:  # noqa: ANN401 - an LSP message type
        """Run the handler."""
        ...


def send_json(writer: FrameWriter, message: dict[str, Any]) -> None:
    """Write one JSON-RPC message as a frame."""
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))


class Dispatcher:
    """A `transport.Mailbox`: takes frames from the reading thread, handles them on the loop."""

    def __init__(
        self,
        rpc: Rpc,
        writer: FrameWriter,
        loop: asyncio.AbstractEventLoop,
        on_response: Callable[[object, bool, object], None],
        on_end: Callable[[], None],
    ) -> None:
        self._rpc = rpc
        self._writer = writer
        self._loop = loop
        self._on_response = on_response
        self._on_end = on_end
        self._room = threading.Semaphore(_MAX_WAITING)
        self._initialized = False
        self.was_shut_down = False

    def frame(self, body: bytes) -> None:
        """A message's body (from the reading thread)."""
        self._room.acquire()
        self._later(self._take, body)

    def bad_frame(self, what: str) -> None:
        """Bytes that were no frame (from the reading thread)."""
        self._later(self._error, None, PARSE_ERROR, f"The stream held {what}.")

    def end(self) -> None:
        """The editor closed its end (from the reading thread)."""
        self._on_end()

    def _later(self, call: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            _log.debug("a message came after the loop had ended")

    def _take(self, body: bytes) -> None:
        self._room.release()
        try:
            data = json.loads(body.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            self._error(None, PARSE_ERROR, f"The body is not JSON ({type(error).__name__}).")
            return
        if not isinstance(data, dict):
            self._error(None, INVALID_REQUEST, "A message is a JSON object; batches are not LSP.")
        elif not isinstance(data.get("method"), str):
            self._response(data)
        elif "id" not in data:
            self._notification(data)
        elif isinstance(data["id"], bool) or not isinstance(data["id"], int | str):
            self._error(None, INVALID_REQUEST, "A request's id is a string or a whole number.")
        else:
            self._request(data)

    def _response(self, data: dict[str, Any]) -> None:
        if "method" in data:
            self._error(_id_of(data), INVALID_REQUEST, "A method is a string.")
        elif isinstance(data.get("id"), int | str):
            self._on_response(data["id"], "error" not in data, data.get("result"))

    def _request(self, data: dict[str, Any]) -> None:
        request_id, method = data["id"], data["method"]
        if data.get("jsonrpc") != "2.0":
            self._error(request_id, INVALID_REQUEST, 'A message says "jsonrpc": "2.0".')
        elif self.was_shut_down:
            self._error(request_id, INVALID_REQUEST, "The server is shutting down.")
        elif not self._initialized and method != "initialize":
            self._error(request_id, NOT_INITIALIZED, "The first request is initialize.")
        elif self._initialized and method == "initialize":
            self._error(request_id, INVALID_REQUEST, "The server is initialized already.")
        elif not self._is_known(method):
            self._error(request_id, METHOD_NOT_FOUND, f"There is no method {method[:100]!r}.")
        elif (message := self._structure(data)) is None:
            self._error(request_id, INVALID_PARAMS, f"These are no parameters for {method}.")
        else:
            self._initialized = self._initialized or method == "initialize"
            self.was_shut_down = self.was_shut_down or method == "shutdown"
            self._rpc.handle_message(message)

    def _notification(self, data: dict[str, Any]) -> None:
        method = data["method"]
        if method != "exit" and (not self._initialized or self.was_shut_down):
            return
        if data.get("jsonrpc") != "2.0" or not (self._is_known(method) or method == _CANCEL):
            _log.debug("a notification was ignored: no such method, or no JSON-RPC 2.0")
        elif (message := self._structure(data)) is not None:
            self._rpc.handle_message(message)

    def _is_known(self, method: str) -> bool:
        features: Features = self._rpc.fm
        return method in features.features or method in features.builtin_features

    def _structure(self, data: dict[str, Any]) -> Any:  # noqa: ANN401 - an LSP message type
        try:
            return self._rpc.structure_message(data)
        except Exception as error:  # noqa: BLE001 - cattrs raises many types on wrong parameters
            _log.info("%s has wrong parameters (%s)", data["method"], type(error).__name__)
            return None

    def _error(self, request_id: object, code: int, message: str) -> None:
        error = {"code": code, "message": message}
        send_json(self._writer, {"id": request_id, "error": error})


def _id_of(data: dict[str, Any]) -> object:
    found = data.get("id")
    return found if isinstance(found, int | str) and not isinstance(found, bool) else None
