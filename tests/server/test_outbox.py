"""What the editor is shown of work that takes a while: nothing before it agreed, one end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from indoors_server.outbox import EditorOutbox


class Bench:
    """An outbox whose messages are kept."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.n_cancelled = 0
        self.outbox = EditorOutbox(self.sent.append)
        self.outbox.client_shows_progress = True
        self.outbox.open()

    def cancel(self) -> None:
        self.n_cancelled += 1

    def said(self) -> list[dict[str, Any]]:
        return [
            message["params"]["value"] for message in self.sent if message["method"] == "$/progress"
        ]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_work_is_shown_from_the_agreement_to_the_end(bench: Bench) -> None:
    work = bench.outbox.work("a title", bench.cancel)
    (created,) = bench.sent
    assert created["method"] == "window/workDoneProgress/create"
    assert created["id"] == created["params"]["token"] == work.token
    work.report("1 of 9", 11)
    assert bench.said() == []
    bench.outbox.answered(work.token, True)
    bench.outbox.answered(work.token, True)
    work.report("1 of 9", 11)
    work.report("5 of 9", 55)
    work.report("2 of 10", 20)
    bench.outbox.cancelled(work.token)
    work.end("2 of 10")
    work.end("again")
    work.report("too late", 99)
    bench.outbox.cancelled(work.token)
    assert bench.n_cancelled == 1
    assert bench.said() == [
        {
            "kind": "begin", "title": "a title", "cancellable": True, "message": "1 of 9",
            "percentage": 11,
        },
        {"kind": "report", "message": "5 of 9", "percentage": 55},
        {"kind": "report", "message": "2 of 10", "percentage": 55},
        {"kind": "end", "message": "2 of 10"},
    ]  # fmt: skip


def test_an_editor_that_refuses_or_cannot_is_shown_nothing(bench: Bench) -> None:
    refused = bench.outbox.work("a title", bench.cancel)
    bench.outbox.answered(refused.token, False)
    late = bench.outbox.work("a title", bench.cancel)
    late.end()
    bench.outbox.answered(late.token, True)
    bench.outbox.client_shows_progress = False
    bench.outbox.work("a title", bench.cancel).report("1 of 9", 11)
    refused.report("1 of 9", 11)
    refused.end()
    assert bench.said() == []
    assert len(bench.sent) == 2
    bench.outbox.cancelled("another's")
    bench.outbox.cancelled(7)
    assert bench.n_cancelled == 0


def test_a_log_line_is_no_message(bench: Bench) -> None:
    bench.outbox.log("info", "a note")
    assert bench.sent == [
        {"method": "window/logMessage", "params": {"type": 3, "message": "Indoors: a note"}}
    ]


def test_what_nobody_waits_for_is_taken_off_the_screen(bench: Bench) -> None:
    async def cancelled(*, is_answered: bool) -> list[dict[str, Any]]:
        bench.sent.clear()
        bench.outbox.client_previews_sends = True
        asked = asyncio.ensure_future(bench.outbox.preview_send({"body": "{}"}))
        await asyncio.sleep(0)
        (request,) = bench.sent
        if is_answered:
            bench.outbox.answered(request["id"], True, {"accepted": True})
            assert await asked is True
        else:
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            # A late answer is one to nothing.
            bench.outbox.answered(request["id"], True, {"accepted": True})
        return bench.sent

    (request, taken_back) = asyncio.run(cancelled(is_answered=False))
    assert taken_back == {"method": "$/cancelRequest", "params": {"id": request["id"]}}
    assert len(asyncio.run(cancelled(is_answered=True))) == 1
