"""A server that takes connections and says nothing: another answers, and nobody waits for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from fakes.model_server import ModelServer
from indoors_completion.types import Job
from indoors_server.endpoints import Endpoint
from indoors_server.remote import alive, servers
from indoors_server.remote.faults import Fault
from indoors_server.remote.servers import Server
from support.remote_bench import Bench, job, run

pytestmark = pytest.mark.loopback
URIS = [f"file:///w/{n}.py" for n in range(20)]


def two(test: Callable[[Bench], Awaitable[None]], *, ready: bool = True) -> None:
    """A test with two servers, `one` and `two`, whose door waits for answers without an end."""
    run(test, ModelServer("openai", "one"), ModelServer("openai", "two"), ready=ready)


def answered_by(bench: Bench, n_before: int) -> set[str]:
    return {ask.endpoint for ask in bench.door.sent[n_before:]}


def first_at(bench: Bench, name: str) -> Job:
    """A job whose document is asked about at this server first."""
    uri = next(u for u in URIS if bench.known.order(u)[0].endpoint.name == name)
    return job(uri=uri)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def asking(bench: Bench, asked: Job):
    """A request that waits for its answer meanwhile."""
    task = asyncio.ensure_future(bench.answer(asked))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait((task,))


def test_what_failed_is_asked_in_the_background_and_another_server_answers_meanwhile() -> None:
    async def test(bench: Bench) -> None:
        one = bench.known.all[0]
        await bench.servers[0].stop()
        for uri in URIS:
            await bench.answer(job(uri=uri))
        assert one.state == "down"
        bench.servers[0].silent = True
        await bench.servers[0].start()
        for _ in range(3):
            bench.now_s += 5  # its pause is over each time
            n_before, n_asked = len(bench.door.sent), len(bench.door.asked)
            for uri in URIS:
                assert (await bench.answer(job(uri=uri)))[0] == "x = 1\n"
                assert one._probing is not None  # nobody has waited for that
            assert answered_by(bench, n_before) == {"two"}
            assert len(bench.door.asked) - n_asked <= len(URIS) + 1
        bench.servers[0].silent = False
        await bench.servers[0].stop()
        await bench.servers[0].start()
        await until(lambda: one._probing is None)
        bench.now_s += 5
        await bench.answer(job())
        await until(lambda: one.state == "up")
        n_before = len(bench.door.sent)
        for uri in URIS:
            await bench.answer(job(uri=uri))
        assert answered_by(bench, n_before) == {"one", "two"}

    two(test)


def test_of_two_that_failed_the_one_that_is_back_answers_though_the_other_is_silent() -> None:
    async def test(bench: Bench) -> None:
        for server in bench.servers:
            await server.stop()
        asked = first_at(bench, "one")
        assert (await bench.answer(asked))[2].stop_reason == "unavailable"
        bench.servers[0].silent = True
        for server in bench.servers:
            await server.start()
        bench.now_s += 5
        assert (await bench.answer(asked))[0] == "x = 1\n"
        assert bench.known.all[0]._probing is not None

    two(test)


def test_at_the_start_the_first_that_says_what_it_is_will_do() -> None:
    async def test(bench: Bench) -> None:
        bench.servers[0].silent = True
        async with asyncio.timeout(20):
            assert await bench.known.ready() is None
        assert bench.known.all[0]._probing is not None
        for uri in URIS:
            assert (await bench.answer(job(uri=uri)))[0] == "x = 1\n"
        assert answered_by(bench, 0) == {"two"}

    two(test, ready=False)


def test_where_none_can_be_used_the_first_ones_reason_is_told() -> None:
    async def test(bench: Bench) -> None:
        for server in bench.servers:
            await server.stop()
        fault = await bench.known.ready()
        assert fault is not None
        assert fault.what == "one does not answer."

    two(test, ready=False)


def test_one_that_falls_silent_under_a_request_costs_that_request_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was up a moment ago, and a question to it may be waited for long."""
    monkeypatch.setattr(alive, "SILENT_S", 0.0)

    async def test(bench: Bench) -> None:
        one = bench.known.all[0]
        bench.servers[0].silent = True
        asked = first_at(bench, "one")
        async with asking(bench, asked) as waiting:
            await until(lambda: one._pinging is not None)
            assert (await bench.answer(asked))[0] == "x = 1\n"
            assert not waiting.done()
        n_before = len(bench.door.sent)
        for uri in URIS:
            await bench.answer(job(uri=uri))
        assert answered_by(bench, n_before) == {"two"}
        assert bench.servers[0].bodies == []
        await bench.servers[0].stop()
        await until(lambda: one.state == "down")

    two(test)


async def _no_life(_door: object, endpoint: Endpoint, timeout_s: float = 5.0) -> Fault | None:
    return Fault(kind="down", what=f"{endpoint.name} does not answer.")


def test_an_answer_is_not_waited_for_where_its_server_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The connection stays open, as it does to a machine that lost its power."""
    for module in (alive, servers):
        monkeypatch.setattr(module, "ping", _no_life)
    monkeypatch.setattr(alive, "SILENT_S", 0.01)

    async def test(bench: Bench) -> None:
        bench.servers[0].silent = True
        assert (await bench.answer(first_at(bench, "one")))[0] == "x = 1\n"
        assert answered_by(bench, 0) >= {"two"}
        bench.now_s += 5
        bench.servers[1].hang_after = 2
        text, _, finish = await bench.answer(first_at(bench, "two"))
        # No other goes on with what has begun.
        assert (text[:3], finish.stop_reason) == ("x =", "unavailable")
        assert "does not answer" in finish.detail

    two(test)


def test_one_question_without_an_answer_does_not_end_the_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def once(_door: object, endpoint: Endpoint) -> Fault | None:
        asked.append(endpoint.name)
        return await _no_life(_door, endpoint) if len(asked) % 2 else None

    for module in (alive, servers):
        monkeypatch.setattr(module, "ping", once)
    monkeypatch.setattr(alive, "SILENT_S", 0.01)

    async def test(bench: Bench) -> None:
        bench.servers[0].stuck = True
        async with asking(bench, job()) as waiting:
            await until(lambda: len(asked) >= 6)
            assert not waiting.done()

    run(test, ModelServer("openai"))


def test_one_that_only_takes_its_time_keeps_its_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    # Between two signs of life nobody doubts it: the second question comes twice as late.
    monkeypatch.setattr(alive, "SILENT_S", 0.2)

    async def test(bench: Bench) -> None:
        one = bench.known.all[0]
        bench.servers[0].stuck = True
        asked = first_at(bench, "one")
        async with asking(bench, asked):
            await until(lambda: "/health" in bench.servers[0].paths)
            await until(lambda: one._pinging is None)
            assert (one.state, one.is_doubtful) == ("up", False)
            n_bodies = len(bench.servers[0].bodies)
            async with asking(bench, asked):
                await until(lambda: len(bench.servers[0].bodies) > n_bodies)

    two(test)


def test_whoever_waits_for_a_server_that_is_closed_is_told() -> None:
    async def test(bench: Bench) -> None:
        (known,) = bench.known.all
        bench.servers[0].silent = True
        waiting = [asyncio.ensure_future(known.ready()) for _ in range(2)]
        await until(lambda: known._probing is not None)
        known.close()
        outcomes = [*await asyncio.gather(*waiting), await known.ready()]
        assert all(isinstance(one, Fault) and "not asked any more" in one.what for one in outcomes)

    run(test, ModelServer("openai"), ready=False)


@pytest.mark.parametrize("api", ["openai", "llama-server", "ollama", "chat"])
def test_every_kind_of_server_is_asked_for_a_sign_of_life(api: str) -> None:
    async def test(bench: Bench) -> None:
        known: Server = bench.known.all[0]
        known.doubt()
        await until(lambda: known._pinging is None)
        assert (known.state, bench.door.asked[-1].call in bench.servers[0].paths) == ("up", True)
        await bench.servers[0].stop()
        known.doubt()
        await until(lambda: known._pinging is None)
        assert known.state == "down"

    run(test, ModelServer(api))  # type: ignore[arg-type]
