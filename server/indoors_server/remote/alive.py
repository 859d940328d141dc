"""The messages of an answer, as long as the server that owes it lives.

    nothing for SILENT_S -> a sign of life is asked for (which makes the server doubtful meanwhile)
                         -> none, and none for a second question -> a Fault ends the answer
                         -> one: an answer may be waited for long (a queue, a long prompt, a model
                            that thinks), and the next question comes later each time

Without that an edit on a server that was stopped would wait for its whole limit, which is minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from indoors_server.door import Answer, Door
from indoors_server.remote.faults import Fault
from indoors_server.remote.probe import ping
from indoors_server.remote.servers import Server

# Who has said nothing of an answer for so long may be gone. One that lives says so at once, also
# while its queue is long; the answer itself may be waited for much longer.
SILENT_S = 1.0
_MOST_SILENT_S = 10.0
# One question may be lost for many reasons; the answer that is waited for is worth a second.
_QUESTIONS = 2


async def while_alive(
    stream: AsyncGenerator[Answer], server: Server, door: Door
) -> AsyncGenerator[Answer | Fault]:
    """The messages of `stream`, which is closed at the end; a Fault where its server is gone."""
    async with aclosing(stream):
        messages = aiter(stream)
        while True:
            coming = asyncio.ensure_future(_next(messages))
            try:
                fault = await _silence(coming, server, door)
            finally:
                if not coming.done():
                    coming.cancel()
                    await asyncio.wait((coming,))
            if fault is not None:
                yield fault
                return
            if (message := coming.result()) is None:
                return
            yield message


async def _next(messages: AsyncIterator[Answer]) -> Answer | None:
    return await anext(messages, None)


async def _silence(coming: asyncio.Task[Answer | None], server: Server, door: Door) -> Fault | None:
    """Wait for a message; the Fault if its server is gone before."""
    pause_s = SILENT_S
    while True:
        await asyncio.wait((coming,), timeout=pause_s)
        if coming.done():
            return None
        fault = await _asked(coming, server, door)
        if coming.done():
            return None
        if fault is not None:
            return fault
        pause_s = min(2 * pause_s, _MOST_SILENT_S)


async def _asked(coming: asyncio.Task[Answer | None], server: Server, door: Door) -> Fault | None:
    """Ask for a sign of life, unless the message comes meanwhile; the Fault if there is none."""
    fault: Fault | None = None
    for number in range(_QUESTIONS):
        # The first makes others ask another server meanwhile, and is not ended with this answer.
        shared = server.doubt() if number == 0 else None
        asking = shared or asyncio.ensure_future(ping(door, server.endpoint))
        try:
            await asyncio.wait((coming, asking), return_when=asyncio.FIRST_COMPLETED)
            if coming.done() or asking.cancelled():
                return None
            fault = asking.result()
            if fault is None or fault.kind != "down":  # who refuses to say it lives
                return None
        finally:
            if shared is None:
                asking.cancel()
    return fault
