"""A raw JSON-RPC client for tests and benchmarks: bytes out, messages in, no LSP library.

It counts answers per request id, so that a test can say "exactly one", and it can send bytes that
no well-behaved client would.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

WAIT_S = 30.0


class LspClient:
    """Talks over two byte streams. Messages are read in a thread and kept in order."""

    def __init__(self, to_server: IO[bytes], from_server: IO[bytes]) -> None:
        self._out = to_server
        self._in = from_server
        self._changed = threading.Condition()
        self.messages: list[dict[str, Any]] = []
        self.ended = False
        # What the server's own requests are answered with, by method; None without an entry.
        self.results: dict[str, Any] = {}
        self._next_id = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    # --- sending ------------------------------------------------------------------------------

    def send_bytes(self, data: bytes) -> None:
        """Write raw bytes."""
        self._out.write(data)
        self._out.flush()

    def send(self, message: dict[str, Any]) -> None:
        """Send one message as a frame."""
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.send_bytes(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification."""
        self.send({"method": method, "params": {} if params is None else params})

    def start_request(self, method: str, params: Any = None) -> int:
        """Send a request; its id."""
        self._next_id += 1
        message = {"id": self._next_id, "method": method}
        self.send(message if params is None else {**message, "params": params})
        return self._next_id

    def cancel(self, request_id: int) -> None:
        """Send `$/cancelRequest`."""
        self.notify("$/cancelRequest", {"id": request_id})

    # --- receiving ----------------------------------------------------------------------------

    def answers(self, request_id: object) -> list[dict[str, Any]]:
        """All answers to a request so far."""
        return [m for m in self.messages if "method" not in m and m.get("id") == request_id]

    def notifications(self, method: str) -> list[Any]:
        """The parameters of all notifications of a method so far."""
        return [m.get("params") for m in self.messages if m.get("method") == method]

    def wait_for(self, condition: Callable[[], Any], timeout_s: float = WAIT_S) -> Any:
        """Wait until `condition()` is true, looking after every message; its value."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not (value := condition()):
                left_s = deadline - time.monotonic()
                if left_s <= 0 or (self.ended and not condition()):
                    raise TimeoutError(f"not within {timeout_s} s; last: {self.messages[-3:]}")
                self._changed.wait(min(left_s, 0.5))
            return value

    def answer(self, request_id: object, timeout_s: float = WAIT_S) -> dict[str, Any]:
        """Wait for the answer to a request: the whole message."""
        found = self.wait_for(lambda: self.answers(request_id), timeout_s)
        return dict(found[0])

    def request(self, method: str, params: Any = None, timeout_s: float = WAIT_S) -> Any:
        """Send a request and wait for its result; AssertionError on an error answer."""
        message = self.answer(self.start_request(method, params), timeout_s)
        assert "error" not in message, message["error"]
        return message["result"]

    # --- the usual steps ----------------------------------------------------------------------

    def initialize(
        self,
        *,
        folders: tuple[Path, ...] = (),
        settings: dict[str, Any] | None = None,
        encodings: tuple[str, ...] = ("utf-16",),
        capabilities: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
        process_id: int | None = None,
    ) -> dict[str, Any]:
        """`initialize` and `initialized`; the initialize result."""
        params = {
            "processId": process_id,
            "rootUri": None,
            "capabilities": {"general": {"positionEncodings": list(encodings)}}
            | (capabilities or {}),
            "workspaceFolders": [{"uri": f.as_uri(), "name": f.name} for f in folders] or None,
            "initializationOptions": {"settings": settings or {}} | (options or {}),
        }
        result: dict[str, Any] = self.request("initialize", params)
        self.notify("initialized")
        return result

    def open(self, uri: str, text: str, language: str = "python", version: int = 1) -> None:
        """`textDocument/didOpen`."""
        document = {"uri": uri, "languageId": language, "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def insert(self, uri: str, version: int, line: int, character: int, text: str) -> None:
        """`textDocument/didChange` that inserts."""
        here = {"line": line, "character": character}
        change = {"range": {"start": here, "end": here}, "text": text}
        document = {"uri": uri, "version": version}
        self.notify(
            "textDocument/didChange", {"textDocument": document, "contentChanges": [change]}
        )

    def start_completion(
        self, uri: str, line: int, character: int, *, trigger: int = 2, **context: Any
    ) -> int:
        """Ask for an inline completion (trigger 1 explicit, 2 automatic); the request's id."""
        params = {
            "textDocument": {"uri": uri},
            "position": {"line": line, "character": character},
            "context": {"triggerKind": trigger, **context},
        }
        return self.start_request("textDocument/inlineCompletion", params)

    def complete(self, uri: str, line: int, character: int, **context: Any) -> list[Any]:
        """Ask for an inline completion and wait; its items."""
        answer = self.answer(self.start_completion(uri, line, character, **context))
        assert "error" not in answer, answer["error"]
        return list(answer["result"]["items"])

    def phase(self) -> str:
        """The last phase the server reported, "" before the first."""
        reports = self.notifications("indoors/status")
        return str(reports[-1]["phase"]) if reports else ""

    def wait_ready(self, timeout_s: float = WAIT_S) -> None:
        """Wait until the model is loaded; AssertionError if the server reports an error."""
        self.wait_for(lambda: self.phase() in ("ready", "busy", "error"), timeout_s)
        assert self.phase() != "error", self.notifications("indoors/status")[-1]

    def shutdown(self) -> None:
        """`shutdown`, `exit`, and the end of our stream."""
        self.request("shutdown")
        self.notify("exit")

    def close(self) -> None:
        """Close our end and wait for the reader."""
        if not self._out.closed:
            with suppress(BrokenPipeError):
                self._out.close()
        self._reader.join(WAIT_S)
        self._in.close()

    def _read(self) -> None:
        while (header := self._in.readline()) != b"":
            length = 0
            while header not in (b"\r\n", b""):
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                header = self._in.readline()
            message = json.loads(self._in.read(length))
            with self._changed:
                self.messages.append(message)
                self._changed.notify_all()
            if "method" in message and "id" in message:
                result = self.results.get(message["method"])
                result = result(message.get("params")) if callable(result) else result
                # A server may ask something yet when the test has let go of it.
                with suppress(BrokenPipeError, ValueError):
                    self.send({"id": message["id"], "result": result})
        with self._changed:
            self.ended = True
            self._changed.notify_all()


def server_command() -> list[str]:
    """The one launch form."""
    return [sys.executable, "-I", "-m", "indoors_server", "serve"]


@contextmanager
def running_server(
    environment: dict[str, str] | None = None,
    log_to: Path | None = None,
    command: Sequence[str] | None = None,
    cwd: Path | None = None,
) -> Iterator[tuple[LspClient, subprocess.Popen[bytes]]]:
    """A real server process and a client for it; killed at the end if it did not leave.

    `command` is for a server that is started by another program (in a namespace, under a tracer).
    """
    log = log_to.open("wb") if log_to else subprocess.DEVNULL
    process = subprocess.Popen(
        command or server_command(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=os.environ | (environment or {}),
        cwd=cwd,
    )
    if log_to:
        log.close()
    assert process.stdin
    assert process.stdout
    client = LspClient(process.stdin, process.stdout)
    try:
        yield client, process
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        client.close()
