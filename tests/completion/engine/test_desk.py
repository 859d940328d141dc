"""Which job runs: background work gives way, cancels reach the right one."""

from __future__ import annotations

import io
from typing import Any

from indoors_completion.engine import wire
from indoors_completion.engine.desk import Desk
from indoors_completion.types import Job, Part


class Target:
    def __init__(self) -> None:
        self.aborted = False

    def abort(self, wanted: bool) -> None:
        self.aborted = wanted


def job(request: int, *, background: bool = False) -> wire.Generate:
    parts = (Part(text="x"),)
    made = Job(parts=parts, slot="a", max_tokens=4, background=background)
    return wire.Generate(request=request, job=made)


def desk_with(*messages: wire.Message) -> Desk:
    """A desk that has read these frames."""
    desk = Desk(io.BytesIO(b""), io.BytesIO(), "unproven")
    read(desk, *messages)
    return desk


def read(desk: Desk, *messages: wire.Message) -> None:
    desk._reader = io.BytesIO(b"".join(map(wire.encode, messages)))
    assert desk._read_all() == 0


def taken(desk: Desk) -> list[Any]:
    found = []
    while not desk.work.empty():
        found.append(getattr(desk.work.get()[2], "request", None))
    return found


def test_background_jobs_come_last() -> None:
    desk = desk_with(
        job(1, background=True), job(2), wire.Forget(request=3), job(4, background=True), job(5)
    )
    assert taken(desk) == [2, 3, 5, 1, 4]


def test_enough_reaches_the_job_that_runs_only() -> None:
    first, second = job(1), job(2)
    desk = desk_with(first, second)
    assert desk.begin(first, Target())
    read(desk, wire.Enough(request=2, alternative=0))
    assert not desk.is_enough(0)
    read(desk, wire.Enough(request=1, alternative=0))
    assert (desk.is_enough(0), desk.is_enough(1)) == (True, False)
    desk.end(first)
    assert desk.begin(second, Target())
    assert not desk.is_enough(0)


def test_a_job_stops_the_background_job_that_runs() -> None:
    background, target = job(1, background=True), Target()
    desk = desk_with(background)
    assert desk.begin(background, target)
    assert not target.aborted
    read(desk, job(2))
    assert target.aborted
    assert desk.end(background), "it was told to give way"


def test_a_background_job_that_starts_while_another_waits_gives_way_at_once() -> None:
    background, target = job(1, background=True), Target()
    desk = desk_with(background, job(2))
    assert desk.begin(background, target)
    assert target.aborted
    assert desk.end(background)


def test_background_work_stops_nobody() -> None:
    first, target = job(1), Target()
    desk = desk_with(first)
    desk.begin(first, target)
    read(desk, job(2, background=True))
    assert not target.aborted
    assert not desk.end(first)


def test_a_job_is_not_stopped_by_the_next_one() -> None:
    first, second, target = job(1), job(2), Target()
    desk = desk_with(first, second)
    desk.begin(first, target)
    assert not target.aborted
    assert not desk.end(first)
    assert desk.begin(second, target)
    assert not target.aborted


def test_a_cancel_reaches_the_job_that_runs_or_waits_and_no_other() -> None:
    first, second, target = job(1), job(2), Target()
    desk = desk_with(first, second)
    desk.begin(first, target)
    read(desk, wire.Cancel(request=2), wire.Cancel(request=99))
    assert not target.aborted
    read(desk, wire.Cancel(request=1))
    assert target.aborted
    desk.end(first)
    assert not desk.begin(second, target), "cancelled while it waited"
