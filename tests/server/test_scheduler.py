"""Latest wins, with real tasks and no time: every step waits for an event, not for a clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_server.scheduler import Scheduler


class Work:
    """Work that waits until it is told to end, and knows whether it was cancelled."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.release = asyncio.Event()
        self.cancelled = False
        self.left_s = 0.0

    async def __call__(self, left_s: float) -> str:
        self.left_s = left_s
        self.started.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return "done"


def run(test: Callable[[Scheduler], Awaitable[None]]) -> None:
    asyncio.run(test(Scheduler(lambda: 0.0)))  # type: ignore[arg-type]


def test_a_newer_request_ends_the_one_before() -> None:
    async def check(scheduler: Scheduler) -> None:
        first, second = Work(), Work()
        one = asyncio.create_task(scheduler.run("a", first, 60))
        await first.started.wait()
        two = asyncio.create_task(scheduler.run("a", second, 60))
        assert await one is None
        assert first.cancelled
        second.release.set()
        assert await two == "done"
        assert scheduler.n_running == 0

    run(check)


def test_documents_do_not_disturb_each_other() -> None:
    async def check(scheduler: Scheduler) -> None:
        first, second = Work(), Work()
        one = asyncio.create_task(scheduler.run("a", first, 60))
        two = asyncio.create_task(scheduler.run("b", second, 60))
        first.release.set()
        second.release.set()
        assert await asyncio.gather(one, two) == ["done", "done"]

    run(check)


def test_a_cancelled_request_is_cancelled_down_to_the_work() -> None:
    async def check(scheduler: Scheduler) -> None:
        work = Work()
        task = asyncio.create_task(scheduler.run("a", work, 60))
        await work.started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert work.cancelled
        assert scheduler.n_running == 0

    run(check)


def test_two_requests_in_one_read_start_only_the_second() -> None:
    async def check(scheduler: Scheduler) -> None:
        first, second = Work(), Work()
        second.release.set()
        one = asyncio.create_task(scheduler.run("a", first, 60))
        two = asyncio.create_task(scheduler.run("a", second, 60))
        assert await asyncio.gather(one, two) == [None, "done"]
        assert not first.started.is_set()

    run(check)


def test_work_past_its_deadline_is_ended() -> None:
    async def check(scheduler: Scheduler) -> None:
        work = Work()
        assert await scheduler.run("a", work, 0.01) is None
        assert work.cancelled

    run(check)


def test_the_time_that_is_left_is_measured_with_the_given_clock() -> None:
    ticks = iter([100.0, 103.0])

    async def check() -> None:
        work = Work()
        work.release.set()
        assert await Scheduler(lambda: next(ticks)).run("a", work, 10) == "done"
        assert work.left_s == 7.0

    asyncio.run(check())


def test_a_fault_in_the_work_reaches_the_caller() -> None:
    async def fail(_: float) -> None:
        raise ValueError("x")

    async def check(scheduler: Scheduler) -> None:
        with pytest.raises(ValueError, match="x"):
            await scheduler.run("a", fail, 60)
        assert scheduler.n_running == 0

    run(check)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.booleans()), max_size=12))
def test_every_request_ends_exactly_once(steps: list[tuple[str, bool, bool]]) -> None:
    """Any mix of documents, pauses between requests and client cancels; the last of each wins."""

    async def check(scheduler: Scheduler) -> None:
        works, tasks = [], []
        for key, pause, cancel in steps:
            work = Work()
            task = asyncio.create_task(scheduler.run(key, work, 60))
            works.append((key, work, cancel))
            tasks.append(task)
            if pause:
                for _ in range(4):
                    await asyncio.sleep(0)
            if cancel:
                task.cancel()
        for _, work, _ in works:
            work.release.set()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        for index, ((key, _, cancel), end) in enumerate(zip(works, ends, strict=True)):
            is_last = all(later != key for later, _, _ in steps[index + 1 :])
            assert end in ("done", None) or isinstance(end, asyncio.CancelledError)
            if is_last and not cancel:
                assert end == "done"
        assert scheduler.n_running == 0

    run(check)
