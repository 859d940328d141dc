"""Which engine the rules choose, by what is known of servers and policies now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest

from fakes.model_server import ModelServer
from indoors_completion.types import (
    Completion,
    CompletionRequest,
    Document,
    Finish,
    Job,
    Span,
    TokenChunk,
)
from indoors_server.door import Answer
from indoors_server.elsewhere import Elsewhere
from indoors_server.endpoint_files import Found
from indoors_server.endpoints import Endpoint
from indoors_server.gateway import wire
from indoors_server.policies import Policies
from indoors_server.policy.decision import merge
from indoors_server.remote.engine import RemoteEngine
from indoors_server.router import Rule
from support.engines import fim_parts
from support.plain_door import PlainDoor
from support.policies import layer

OPENAI = "https://api.openai.com:443"


def request(path: str = "src/a.py") -> CompletionRequest:
    document = Document(
        uri=f"file:///w/{path}", path=path, language="python", version=1, text="a = \n", root="/w"
    )
    return CompletionRequest(document=document, offset=4, deadline_ms=20_000)


def nothing_of(asked: CompletionRequest, text: str, stop_reason: str) -> Completion:
    span = Span(asked.offset, asked.offset)
    return Completion(id="", text=text, span=span, source="model", stop_reason=stop_reason)


class Asking:
    """A pipeline that makes one job of a request and gives its text as it comes."""

    def __init__(self, engine: RemoteEngine) -> None:
        self._engine = engine

    async def complete(self, asked: CompletionRequest) -> Completion:
        about = asked.document
        job = Job(parts=fim_parts("a = "), slot=about.uri, uri=about.uri, root=about.root,
                  sources=(about.path,), max_tokens=8)  # fmt: skip
        text, stop_reason = "", ""
        async for item in self._engine.generate(job):
            text += item.text if isinstance(item, TokenChunk) else ""
            stop_reason = item.stop_reason if isinstance(item, Finish) else ""
        return nothing_of(asked, text, stop_reason)

    def cancel(self) -> None:
        pass


class Bench:
    """Rules over endpoints that the policy allows, behind a door."""

    def __init__(self, door: Any, *endpoints: Endpoint, use: list[str]) -> None:
        self.door, self.now_s, self.n_here = door, 1000.0, 0
        found = Found({one.name: one for one in endpoints}, ())
        self.elsewhere = Elsewhere(door, lambda: self.now_s, lambda: found)
        hosts = [one.url for one in endpoints]
        own = merge([layer("user", {"mode": "onprem", "onprem_hosts": hosts})])
        self.elsewhere.policies = Policies(lambda *_: own)
        self.elsewhere.policies.read(["/w"], None)
        self.elsewhere.connect(Asking, lambda: None)  # type: ignore[arg-type]
        self.elsewhere.use([Rule(use=use)])

    async def complete(self, path: str = "src/a.py") -> tuple[str, str]:
        """Who was chosen, and the text or, without one, the reason of the last stage."""
        answer = await self.elsewhere.answer(request(path), self._here)
        return answer.stages[0].decision, answer.text or answer.stages[-1].reason

    async def _here(self, asked: CompletionRequest) -> Completion:
        self.n_here += 1
        return nothing_of(asked, "here", "eos")


def run(test: Callable[[ModelServer], Awaitable[None]]) -> None:
    async def with_server() -> None:
        async with asyncio.timeout(30), ModelServer("openai").running() as server:
            await test(server)

    asyncio.run(with_server())


class SilentDoor:
    """A door behind which nobody answers, that keeps what it is asked."""

    reason = ""

    def __init__(self) -> None:
        self.asked: list[wire.Ask] = []

    async def ask(self, ask: wire.Ask) -> AsyncGenerator[Answer]:
        self.asked.append(ask)
        yield wire.Refused(kind="connect", what="Nobody answers.")


class DenyingDoor(PlainDoor):
    """One that lets one file not through."""

    async def ask(self, ask: wire.Ask) -> AsyncGenerator[Answer]:
        if "src/denied.py" in ask.sources:
            yield wire.Refused(kind="policy", what="That file may not go.")
            return
        async for answer in super().ask(ask):
            yield answer


def test_row_13_a_known_closed_api_is_no_engine_of_ones_own_for_the_router() -> None:
    """However its entry and the policy call it; not even what it can do is asked."""
    near = Endpoint(name="near", url=OPENAI, api="openai", model="m", addresses=("0.0.0.0/0",))

    async def test() -> None:
        bench = Bench(SilentDoor(), near, use=["near"])
        await asyncio.sleep(0)
        route = bench.elsewhere.route("completion", request().document)
        assert route.where == "local"
        assert "near is a closed API" in route.reason
        assert bench.elsewhere.engines[0].state == "closed"
        assert bench.door.asked == []

    asyncio.run(test())


@pytest.mark.loopback
def test_a_file_that_is_denied_tells_its_own_request_and_costs_no_other_its_server() -> None:
    async def test(server: ModelServer) -> None:
        bench = Bench(DenyingDoor(server.endpoint()), server.endpoint(), use=["gpu", "local"])
        assert await bench.complete() == ("gpu", "x = 1\n")
        assert await bench.complete("src/denied.py") == ("gpu", "That file may not go.")
        assert bench.elsewhere.engines[0].state == "up"
        assert await bench.complete() == ("gpu", "x = 1\n")
        assert bench.n_here == 0
        bench.elsewhere.close()

    run(test)


@pytest.mark.loopback
def test_a_server_that_comes_back_is_used_again_where_this_machine_stood_in_for_it() -> None:
    async def test(server: ModelServer) -> None:
        door = PlainDoor(server.endpoint())
        bench = Bench(door, server.endpoint(), use=["gpu", "local"])
        assert await bench.complete() == ("gpu", "x = 1\n")
        await server.stop()
        assert (await bench.complete())[0] == "gpu"  # it is down from here on
        n_asked = len(door.asked)
        assert await bench.complete() == ("local", "here")
        await settled(bench)
        assert len(door.asked) == n_asked  # it rests
        await server.start()
        bench.now_s += 10
        assert await bench.complete() == ("local", "here")  # and looks at it in the meantime
        await settled(bench)
        assert all(ask.kind == "probe" for ask in door.asked[n_asked:])
        assert await bench.complete() == ("gpu", "x = 1\n")
        bench.elsewhere.close()

    run(test)


async def settled(bench: Bench) -> None:
    """Until nobody looks at a server any more."""
    while tasks := list(bench.elsewhere._tasks):
        await asyncio.gather(*tasks)
