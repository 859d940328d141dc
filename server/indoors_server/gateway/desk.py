"""The gateway's loop: frames of the server in, each request a task, frames out.

A request that the server stops is cancelled, which closes its connection. The end of the stream
ends everything, and so does who cancels `run`. What is no message of ours is not mended: the
process ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from typing import Protocol

import msgspec

from indoors_server.gateway import frames, wire

_log = logging.getLogger("indoors.gateway")

MAX_REQUESTS = 64
Answer = wire.Head | wire.Chunk | wire.End | wire.Refused


class Opens(Protocol):
    """What `door.Door` is to the desk."""

    def ask(self, ask: wire.Ask) -> AsyncGenerator[Answer, None]:
        """The answer to a request."""
        ...


class Desk:
    """One server's requests."""

    def __init__(
        self, door: Opens, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._door = door
        self._reader = reader
        self._writer = writer
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> int:
        """Answer until the stream ends; the exit status of the process."""
        status = 0
        try:
            while (message := await frames.read_to_gateway(self._reader)) is not None:
                if isinstance(message, wire.Stop):
                    if (task := self._tasks.get(message.request)) is not None:
                        task.cancel()
                else:
                    self._begin(message)
        except frames.ProtocolError as error:
            _log.error("ends: %s", error)
            status = 2
        except (ConnectionError, OSError):
            pass
        finally:
            for task in list(self._tasks.values()):
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        return status

    def _begin(self, ask: wire.Ask) -> None:
        if ask.request in self._tasks:
            _log.error("a request's number is in use")
            return
        task = asyncio.get_running_loop().create_task(self._answer(ask))
        self._tasks[ask.request] = task
        task.add_done_callback(lambda _: self._tasks.pop(ask.request, None))

    async def _answer(self, ask: wire.Ask) -> None:
        """Every request gets its End or Refused, whatever happens."""
        try:
            if len(self._tasks) > MAX_REQUESTS:
                await self._say(ask, _too_many())
                return
            async with contextlib.aclosing(self._door.ask(ask)) as answers:
                async for answer in answers:
                    await self._say(ask, answer)
        except asyncio.CancelledError:
            with contextlib.suppress(ConnectionError, OSError):
                self._put(ask, wire.End(stopped=True))
        except (ConnectionError, BrokenPipeError):
            pass  # the server has gone; the reader finds out
        except Exception as error:  # noqa: BLE001 - one request must not end the others
            _log.error("a request failed: %s", type(error).__name__)
            what = "The gateway failed with this request."
            refused = wire.Refused(
                kind="broken", what=what, why=f"({type(error).__name__})", sent=True
            )
            with contextlib.suppress(ConnectionError, OSError):
                await self._say(ask, refused)

    async def _say(self, ask: wire.Ask, answer: Answer) -> None:
        self._put(ask, answer)
        await self._writer.drain()

    def _put(self, ask: wire.Ask, answer: Answer) -> None:
        numbered = msgspec.structs.replace(answer, request=ask.request)
        self._writer.write(frames.encode(numbered))


def _too_many() -> wire.Refused:
    return wire.Refused(
        kind="limit",
        what=f"More than {MAX_REQUESTS} requests are under way.",
        next_step="wait for some to end",
    )
