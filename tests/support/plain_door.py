"""A door without a gateway: plain HTTP over loopback, for tests of what speaks through it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from urllib.parse import urlsplit

from indoors_server.door import Answer
from indoors_server.endpoints import Endpoint
from indoors_server.gateway import wire


class PlainDoor:
    """Asks what is asked of the endpoints it knows; `asked` has every request, and `n_renewed` is
    how often endpoints were to be read again.
    """

    reason = ""

    def __init__(self, *endpoints: Endpoint) -> None:
        self.endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        self.asked: list[wire.Ask] = []
        self.n_renewed = 0

    def renew(self) -> None:
        self.n_renewed += 1

    @property
    def sent(self) -> list[wire.Ask]:
        """The requests that carry code."""
        return [ask for ask in self.asked if ask.kind != "probe"]

    async def ask(self, ask: wire.Ask) -> AsyncGenerator[Answer]:
        self.asked.append(ask)
        parts = urlsplit(self.endpoints[ask.endpoint].url)
        try:
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        except (OSError, TimeoutError):
            yield wire.Refused(kind="connect", what=f"{ask.endpoint} does not answer.")
            return
        try:
            async for answer in self._exchange(ask, parts.path, reader, writer):
                yield answer
        except (OSError, EOFError, ValueError, IndexError):  # whatever ended early
            yield wire.Refused(kind="broken", what=f"{ask.endpoint} broke off.", sent=True)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _exchange(
        self, ask: wire.Ask, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> AsyncGenerator[Answer]:
        head = (
            f"{ask.method} {path}{ask.call} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(ask.body)}\r\n\r\n"
        )
        writer.write(head.encode() + ask.body)
        await writer.drain()
        status = int((await reader.readline()).split()[1])
        headers: dict[str, str] = {}
        while line := (await reader.readline()).strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.casefold()] = value.strip()
        after = headers.get("retry-after", "")
        yield wire.Head(
            status=status,
            content_type=headers.get("content-type", ""),
            retry_after_s=float(after) if after.isdecimal() else None,
        )
        if headers.get("transfer-encoding") == "chunked":
            while size := int(await reader.readline(), 16):
                yield wire.Chunk(data=await reader.readexactly(size))
                await reader.readexactly(2)
        else:
            left = int(headers.get("content-length", "-1"))
            while left and (data := await reader.read(65536 if left < 0 else left)):
                yield wire.Chunk(data=data)
                left -= len(data) if left > 0 else 0
            if left > 0:
                raise EOFError
        yield wire.End()
