"""The gateway's side of its resolver (`resolver_child`): a name, and its addresses or a reason."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
from typing import TYPE_CHECKING, cast

from indoors_server.gateway.resolver_child import LOOKUP_S, MAX_ADDRESSES, MAX_LINE_BYTES

if TYPE_CHECKING:
    from typing import BinaryIO

_GRACE_S = 1.0
_ANSWER = re.compile(r"([0-9]{1,15}) (?:! ([ -~]{1,200})|([0-9a-fA-F.:% ]{2,800}))")


class NoAddress(Exception):
    """The name has none, or none was had in time; the message completes "the name ..."."""


class Resolver:
    """The gateway's side. Make it before the gateway's filter; `open` on the event loop.

    `lost` is set when a child ends that had begun to work. (One that never could is no reason to
    begin again: a place that is given by its address needs none.)
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:  # noqa: TID251 - a type
        self._process = process
        self._waiting: dict[int, asyncio.Future[list[str]]] = {}
        self._last = 0
        self._transport: asyncio.ReadTransport | None = None
        self._has_begun = self._has_ended = False
        self.lost = asyncio.Event()

    async def open(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        answers = cast("BinaryIO", self._process.stdout)
        self._transport, _ = await loop.connect_read_pipe(lambda: _Lines(self), answers)

    async def addresses(self, name: str) -> list[str]:
        """The addresses of a name. Raises NoAddress."""
        if self._has_ended:
            raise NoAddress("cannot be resolved: the resolver has ended")
        self._last += 1
        number = self._last
        self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            # Short, and a pipe has room for 64 KiB: it blocks only if the child is stuck.
            os.write(cast("BinaryIO", self._process.stdin).fileno(), f"{number} {name}\n".encode())
            return await asyncio.wait_for(self._waiting[number], LOOKUP_S + _GRACE_S)
        except TimeoutError:
            raise NoAddress(f"was not resolved within {LOOKUP_S} s") from None
        except OSError:
            raise NoAddress("cannot be resolved: the resolver has ended") from None
        finally:
            self._waiting.pop(number, None)

    def close(self) -> None:
        """End the child."""
        if self._transport is not None:
            self._transport.close()
        with contextlib.suppress(OSError):
            self._process.kill()

    def _line(self, line: str) -> None:
        answer = _ANSWER.fullmatch(line)
        if answer is None:
            return
        self._has_begun = True
        waiting = self._waiting.get(int(answer[1]))
        if waiting is None or waiting.done():
            return
        if answer[3] is None:
            waiting.set_exception(NoAddress(answer[2]))
        else:
            waiting.set_result(answer[3].split()[:MAX_ADDRESSES])

    def _lost(self) -> None:
        self._has_ended = True
        if self._has_begun:
            self.lost.set()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(NoAddress("cannot be resolved: the resolver has ended"))


class _Lines(asyncio.Protocol):
    """Cuts what the child writes into lines; too long a one is dropped."""

    def __init__(self, owner: Resolver) -> None:
        self._owner = owner
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        """Take bytes as they come."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._owner._line(line.decode(errors="replace"))
        self._buffer = self._buffer[-MAX_LINE_BYTES:]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The child has ended."""
        self._owner._lost()
