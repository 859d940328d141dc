"""Many editors on servers that are killed: every request ends, and each with its own answer."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Any

import pytest

from fakes.model_server import ModelServer
from indoors_completion.types import Finish, Job, TokenChunk
from indoors_server.remote.engine import RemoteEngine
from indoors_server.remote.servers import Server, Servers
from support.engines import fim_parts
from support.plain_door import PlainDoor

pytestmark = pytest.mark.loopback
N_EDITORS = 20


def own_name(body: dict[str, Any]) -> list[str]:
    """An answer that says whose prompt it was made for, in several pieces."""
    name = str(body["prompt"]).split("who_", 1)[1].split(" ", 1)[0]
    return ["own", "er_", name, "\n"]


class Editor:
    """One that asks all the time, with an engine of its own as every server process has."""

    def __init__(self, number: int, servers: list[ModelServer]) -> None:
        endpoints = [server.endpoint() for server in servers]
        door = PlainDoor(*endpoints)
        known = Servers([Server(one, door, time.monotonic) for one in endpoints], time.monotonic)
        self.engine = RemoteEngine(known, door, time.monotonic)
        self.known, self.number = known, number
        self.answers = self.empty = self.wrong = 0
        self.last = ""

    async def ask(self) -> str:
        uri = f"file:///w/{self.number}.py"
        asked = Job(parts=fim_parts(f"who_{self.number} = "), slot=uri, max_tokens=8, uri=uri)
        text = ""
        async with asyncio.timeout(20), aclosing(self.engine.generate(asked)) as items:
            async for item in items:
                text += item.text if isinstance(item, TokenChunk) else ""
                if isinstance(item, Finish):
                    is_whole = item.stop_reason != "unavailable"
                    self.empty += not is_whole
                    self.answers += is_whole
                    self.wrong += is_whole and text != f"owner_{self.number}\n"
                    return text if is_whole else ""
        raise AssertionError("no Finish")

    async def work(self, stop: asyncio.Event) -> None:
        await self.known.ready()
        while not stop.is_set():
            await self.ask()
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("n_servers", [1, 2])
def test_fifty_kills_under_twenty_editors_hang_nobody_and_mix_nothing_up(n_servers: int) -> None:
    async def run() -> None:
        servers = [ModelServer("openai", f"gpu-{n}") for n in range(n_servers)]
        for server in servers:
            server.say = own_name
            await server.start()
        editors = [Editor(number, servers) for number in range(N_EDITORS)]
        stop = asyncio.Event()
        working = [asyncio.ensure_future(editor.work(stop)) for editor in editors]
        for number in range(50):
            server = servers[number % n_servers]
            await asyncio.sleep(0.03)
            await server.stop()
            await asyncio.sleep(0.02)
            await server.start()
            if number == 49:
                begun_s, before = time.monotonic(), [editor.answers for editor in editors]
                async with asyncio.timeout(20):
                    while any(e.answers == b for e, b in zip(editors, before, strict=True)):
                        await asyncio.sleep(0.01)
                print(f"all used it again after {time.monotonic() - begun_s:.2f} s")
        stop.set()
        await asyncio.gather(*working)
        assert sum(editor.wrong for editor in editors) == 0
        assert all(editor.answers for editor in editors)
        # The control: without a second server some of them were left without an answer.
        assert sum(editor.empty for editor in editors) > 0 or n_servers > 1
        for server in servers:
            await server.stop()

    asyncio.run(run())
