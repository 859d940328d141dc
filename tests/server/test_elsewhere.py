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
from indoors_server.status import Facts
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
        self.found = Found({one.name: one for one in endpoints}, ())
        self.n_changes = 0
        self.elsewhere = Elsewhere(door, lambda: self.now_s, lambda: self.found)
        hosts = [one.url for one in endpoints]
        own = merge([layer("user", {"mode": "onprem", "onprem_hosts": hosts})])
        self.elsewhere.policies = Policies(lambda *_: own)
        self.elsewhere.policies.read(["/w"], None)
        self.elsewhere.connect(Asking, self._changed)  # type: ignore[arg-type]
        self.elsewhere.use([Rule(use=use)])

    async def complete(self, path: str = "src/a.py") -> tuple[str, str]:
        """Who was chosen, and the text or, without one, the reason of the last stage."""
        answer = await self.elsewhere.answer(request(path), self._here)
        return answer.stages[0].decision, answer.text or answer.stages[-1].reason

    def _changed(self) -> None:
        self.n_changes += 1

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

    def renew(self) -> None:
        pass

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
def test_a_chat_is_asked_for_edits_and_completions_are_made_here() -> None:
    async def test(server: ModelServer) -> None:
        bench = Bench(PlainDoor(server.endpoint()), server.endpoint(api="chat"), use=["gpu"])
        assert await bench.complete() == ("local", "here")
        assert bench.elsewhere.route("refactor", request().document).use == ("gpu",)
        (gpu,) = bench.elsewhere.engines
        assert gpu.state in ("unknown", "up")

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
    for server in bench.elsewhere._servers.values():
        while server._probing is not None:
            await asyncio.sleep(0)


NO_MODEL = Facts(phase="error", reason="No model is installed.", next_step="indoors setup")


@pytest.mark.loopback
def test_one_failure_of_the_only_engine_stops_nothing_and_after_two_each_request_looks() -> None:
    """There is no model on this machine: what is asked is then asked elsewhere or not at all."""

    async def test(server: ModelServer) -> None:
        bench = Bench(PlainDoor(server.endpoint()), server.endpoint(), use=["gpu"])
        here, phase = bench.elsewhere, lambda: bench.elsewhere.facts(NO_MODEL).phase
        assert phase() == "error"
        assert await bench.complete() == ("gpu", "x = 1\n")
        assert phase() == "ready"
        server.status = 500
        assert (await bench.complete())[0] == "gpu"
        assert (here.engines[0].state, phase()) == ("down", "ready")
        server.status = 200
        bench.now_s += 1
        assert await bench.complete() == ("gpu", "x = 1\n")  # the one that failed was the only one
        await server.stop()
        for _ in range(2):
            await bench.complete()
            bench.now_s += 1
        assert (here.engines[0].state, phase()) == ("down", "error")
        await server.start()
        n_changes = bench.n_changes
        here.look_again()
        await settled(bench)
        assert (here.engines[0].state, phase()) == ("up", "ready")
        assert bench.n_changes > n_changes  # so that the status says it
        bench.elsewhere.close()

    run(test)


@pytest.mark.loopback
def test_other_endpoints_are_read_again_by_the_gateway_and_the_same_are_not() -> None:
    async def test(server: ModelServer) -> None:
        one, two = server.endpoint(), server.endpoint(name="two")
        door = PlainDoor(one, two)
        bench = Bench(door, one, use=["gpu"])
        n_renewed = door.n_renewed
        bench.elsewhere.use([Rule(use=["gpu"], max_latency_ms=5)])
        assert door.n_renewed == n_renewed
        for endpoints in ([one, two], [one], [server.endpoint(key="file:/etc/indoors/key")]):
            bench.found = Found({each.name: each for each in endpoints}, ())
            bench.elsewhere.use([Rule(use=["gpu"])])
            n_renewed += 1
            assert door.n_renewed == n_renewed
        await settled(bench)
        bench.elsewhere.close()

    run(test)


@pytest.mark.loopback
def test_latency_is_that_of_each_engine_for_each_kind_whichever_of_a_rule_may_be_asked() -> None:
    async def test(server: ModelServer) -> None:
        names = ["gpu", "denied"]
        endpoints = [server.endpoint(name=name) for name in names]
        bench = Bench(PlainDoor(*endpoints), *endpoints, use=names)
        here = bench.elsewhere
        here._refusal = lambda name, kind, document: "no" * (name == "denied")  # type: ignore[method-assign]
        assert here._latency_ms([*names, "local"], "completion") is None
        assert await bench.complete() == ("gpu", "x = 1\n")
        assert here._latency_ms([*names, "local"], "completion") is not None
        assert here._latency_ms(["gpu"], "completion") is not None
        assert here._latency_ms(["denied"], "completion") is None
        assert here._latency_ms(names, "refactor") is None
        for milliseconds in (100.0, 100.0):
            here._server("denied").learn_latency("refactor", milliseconds)  # type: ignore[union-attr]
        here._server("gpu").learn_latency("refactor", 300.0)  # type: ignore[union-attr]
        assert here._latency_ms(names, "refactor") == 200
        assert here._latency_ms(["local"], "completion") is None
        here.learn_local(50)
        assert here._latency_ms(["local"], "completion") == 50
        assert here._latency_ms(["local"], "refactor") is None  # of an edit that says nothing
        bench.now_s += 61
        assert here._latency_ms(names, "refactor") is None
        assert here._latency_ms(["local"], "completion") is None
        bench.elsewhere.close()

    run(test)
