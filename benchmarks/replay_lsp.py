"""A small LSP client on asyncio: JSON-RPC over a server's stdin and stdout, no LSP library.

Answers and notifications are handed over in the order in which they arrive, in the same turn of
the event loop as they are read: the moment of an answer is the moment at which an editor has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable
from typing import Any

Message = dict[str, Any]
_LIMIT = 64 * 1024 * 1024
_LEAVE_S = 15.0
_ENDED: Message = {"error": {"message": "the server ended", "ended": True}}


class ServerEnded(Exception):
    """The server closed its stdout while an answer was awaited."""


class LspClient:
    """One server process and the client's end of its pipes."""

    def __init__(self, on_notification: Callable[[str, Any], None]) -> None:
        self._on_notification = on_notification
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[int, Callable[[Message], None]] = {}
        self._last_id = 0
        self._ended = False

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process is not None
        return self._process.pid

    async def start(self, *, verbose: bool = False) -> None:
        """Start the server in its one launch form. Its log is shown only if `verbose`."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-m", "indoors_server", "serve"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=None if verbose else asyncio.subprocess.DEVNULL,
            limit=_LIMIT,
        )
        self._reader = asyncio.create_task(self._read())

    def notify(self, method: str, params: Any) -> None:
        """Send a notification."""
        self._send({"method": method, "params": params})

    def ask(self, method: str, params: Any, on_answer: Callable[[Message], None]) -> int:
        """Send a request; `on_answer` gets the whole message. The request's id."""
        self._last_id += 1
        if self._ended:
            on_answer(_ENDED)
            return self._last_id
        self._waiting[self._last_id] = on_answer
        self._send({"id": self._last_id, "method": method, "params": params})
        return self._last_id

    async def request(self, method: str, params: Any) -> Any:
        """Send a request and wait for its result. Raises ServerEnded, RuntimeError on an error."""
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        def settle(message: Message) -> None:
            if not future.done():
                future.set_result(message)

        self.ask(method, params, settle)
        message = await future
        if "error" in message:
            if message["error"].get("ended"):
                raise ServerEnded(f"the server ended before it answered {method}")
            raise RuntimeError(f"{method}: {message['error'].get('message')}")
        return message["result"]

    def cancel(self, request_id: int) -> None:
        """Cancel a request, as VS Code does with one that a later key made pointless."""
        self.notify("$/cancelRequest", {"id": request_id})

    async def stop(self) -> None:
        """`shutdown`, `exit`, and after a while the end by force."""
        if self._process is None:
            return
        if self._process.returncode is None:
            with contextlib.suppress(ServerEnded, RuntimeError, TimeoutError, OSError):
                async with asyncio.timeout(_LEAVE_S):
                    await self.request("shutdown", None)
                    self.notify("exit", None)
                    await self._process.wait()
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            await self._reader

    def _send(self, message: Message) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        if self._ended:
            return
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        stdout = self._process.stdout
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                header = await stdout.readuntil(b"\r\n\r\n")
                length = int(header.lower().partition(b"content-length:")[2].split()[0])
                self._dispatch(json.loads(await stdout.readexactly(length)))
        self._ended = True
        for on_answer in list(self._waiting.values()):
            on_answer(_ENDED)
        self._waiting.clear()

    def _dispatch(self, message: Message) -> None:
        method = message.get("method")
        if method is None:
            on_answer = self._waiting.pop(message.get("id", -1), None)
            if on_answer is not None:
                on_answer(message)
        elif "id" in message:
            self._send({"id": message["id"], "result": None})
        else:
            self._on_notification(method, message.get("params"))
