"""Engines elsewhere on a bench: servers on loopback, a plain door to them, one engine over all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fakes.model_server import ModelServer
from indoors_completion import chat
from indoors_completion.chat import Message
from indoors_completion.types import Finish, Job, Prefill, TokenChunk
from indoors_server.endpoints import Api, Endpoint
from indoors_server.remote.engine import RemoteEngine
from indoors_server.remote.servers import Server, Servers
from support.engines import fim_parts
from support.plain_door import PlainDoor

OWN: tuple[Api, ...] = ("openai", "llama-server", "ollama", "chat")
RAW: tuple[Api, ...] = OWN[:3]


def job(prefix: str = "a = ", suffix: str = "\n", **fields: Any) -> Job:
    about = {"uri": "file:///w/src/a.py", "root": "/w", "slot": "s"}
    about |= {"sources": ("src/a.py", "src/b.py")}
    return Job(parts=fim_parts(prefix, suffix), **({"max_tokens": 16} | about | fields))


def edit_job(**fields: Any) -> Job:
    turns = [Message("system", "You edit."), Message("user", "Do it.")]
    record = next(one for one in chat.CHATS if one.family == "qwen2.5-coder")
    parts = chat.render(record, turns, "```python\ndef f():\n")
    return Job(parts=parts, **({"slot": "edit", "max_tokens": 64} | fields))


class Bench:
    """Some servers, a door to them, and an engine over all of them."""

    def __init__(self, servers: list[ModelServer], endpoints: list[Endpoint]) -> None:
        self.servers = servers
        self.now_s = 1000.0
        self.door = PlainDoor(*endpoints)
        self.known = Servers([Server(one, self.door, self.clock) for one in endpoints], self.clock)
        self.engine = RemoteEngine(self.known, self.door, self.clock)

    def clock(self) -> float:
        return self.now_s + time.monotonic() % 100

    async def answer(self, asked: Job) -> tuple[str, list[float], Finish]:
        text, logprobs, n_prefill = "", [], 0
        async with asyncio.timeout(20):
            async for item in self.engine.generate(asked):
                if isinstance(item, Prefill):
                    n_prefill += 1
                elif isinstance(item, TokenChunk):
                    assert n_prefill == 1
                    text += item.text
                    logprobs += item.logprobs
                else:
                    return text, logprobs, item
        raise AssertionError("no Finish")


def run(
    test: Callable[[Bench], Awaitable[None]],
    *servers: ModelServer,
    ready: bool = True,
    **fields: Any,
) -> None:
    async def with_servers() -> None:
        for server in servers:
            await server.start()
        try:
            bench = Bench(list(servers), [server.endpoint(**fields) for server in servers])
            if ready:
                assert await bench.known.ready() is None
            await test(bench)
            for known in bench.known.all:
                known.close()
        finally:
            for server in servers:
                await server.stop()

    asyncio.run(with_servers())
