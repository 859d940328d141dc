"""The service without a protocol: when a request waits for the next key, and what is learned."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fakes.fake_core import FakeCore
from indoors_completion.types import CompletionRequest
from indoors_server.asks import Ask
from indoors_server.service import Service
from indoors_server.session import Change

URI = "file:///w/a.py"


class Quiet:
    """An outbox that nobody reads."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class Bench:
    """A service with one open document, over a core that a test rules."""

    def __init__(self) -> None:
        self.core = FakeCore()
        self.now_s = 10.0
        self.on_battery = False
        self.service = Service(
            self.core, Quiet(), lambda: self.now_s, on_battery=lambda: self.on_battery
        )
        self.service.start()
        self.service.opened(URI, "python", 1, "x = \n")
        self.version = 1

    def types(self, text: str) -> None:
        self.now_s += 0.12
        self.version += 1
        self.service.changed(URI, self.version, [Change(text, (0, 4, 0, 4))])

    def asks(self, trigger: Any = "automatic") -> asyncio.Task[Any]:
        ask = Ask(uri=URI, line=0, character=4, trigger=trigger)
        return asyncio.create_task(self.service.complete(ask))


def check(test: Callable[[Bench], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(20):
            await test(Bench())

    asyncio.run(run())


async def some_time() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def never(request: CompletionRequest) -> str:
    await asyncio.Event().wait()
    return ""


def falls_behind(bench: Bench) -> None:
    bench.types("a")
    bench.types("b")
    for _ in range(6):
        bench.service.debounce.served(in_time=False)
    assert bench.service.debounce.delay_s() > 0.0


@pytest.mark.parametrize("end", ["cancelled", "superseded"])
def test_requests_that_end_before_their_answer_are_learned_from(end: str) -> None:
    async def test(bench: Bench) -> None:
        bench.core.rule, bench.core.ready = never, False
        tasks = []
        for _ in range(4):
            bench.types("y")
            tasks.append(bench.asks())
            await some_time()
            if end == "cancelled":
                tasks[-1].cancel()
                await asyncio.wait({tasks[-1]})
        assert bench.service.debounce.delay_s() == pytest.approx(0.04)
        tasks[-1].cancel()
        await asyncio.wait(tasks)

    check(test)


def test_what_was_ready_says_nothing_about_the_model() -> None:
    async def test(bench: Bench) -> None:
        falls_behind(bench)
        delay_s = bench.service.debounce.delay_s()
        for _ in range(20):
            await bench.asks()
        assert bench.service.debounce.delay_s() == delay_s

    check(test)


def test_who_would_need_the_model_waits_for_the_next_key(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(bench: Bench) -> None:
        monkeypatch.setattr(bench.service.debounce, "delay_s", lambda: 3600.0)
        bench.core.ready = False
        waiting = bench.asks()
        await some_time()
        assert bench.core.requests == []
        bench.core.ready = True
        answer = await bench.asks()
        assert answer.completion.text == "hello"
        assert await waiting is None
        assert bench.service.counters.superseded == 1

    check(test)


def test_a_person_who_asks_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(bench: Bench) -> None:
        monkeypatch.setattr(bench.service.debounce, "delay_s", lambda: 3600.0)
        bench.core.ready = False
        assert (await bench.asks("explicit")).completion.text == "hello"

    check(test)


def test_on_battery_nothing_is_computed_that_nobody_waits_for() -> None:
    async def test(bench: Bench) -> None:
        bench.core.warmed.clear()
        for on_battery in (True, False):
            bench.on_battery = on_battery
            bench.types("y")
            await bench.asks()
            bench.service.focus(URI)
        assert [background for _, _, background in bench.core.changes] == [False, True]
        assert [request.background for request in bench.core.requests] == [False, True]
        assert len(bench.core.warmed) == 1
        bench.on_battery = True
        bench.service.set_editor_settings({"completion": {"background": "on"}})
        bench.service.apply_settings()
        bench.types("y")
        assert bench.core.changes[-1][2]

    check(test)


def test_the_lock_that_is_shown_is_that_of_the_least_locked_process() -> None:
    core = FakeCore()
    service = Service(core, Quiet(), lambda: 0.0, lock="enforced")
    for lock, shown in (("", "enforced"), ("unproven", "unproven"), ("enforced", "enforced")):
        core.lock = lock
        assert service.status().lock == shown
