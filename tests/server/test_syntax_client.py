"""The server's side of the indexer: never raises, never waits, never leaks."""

import asyncio
import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable

import pytest

from indoors_indexing.types import Document, SyntaxSite
from indoors_server import children, syntax_client
from indoors_server.indexer_process import IndexerProcess
from indoors_server.syntax_client import SyntaxClient
from support.hostile import SLOW_JAVASCRIPT

Spawn = Callable[[], subprocess.Popen]
# Questions that must be answered get far more time than a keystroke would: machines are loaded.
PATIENT_MS = 10_000


def document(text: str, version: int = 1, language: str = "python", uri: str = "a") -> Document:
    return Document(uri=uri, path=uri, language=language, version=version, text=text)


def spawn() -> subprocess.Popen:
    return children.spawn("indexer")


@contextlib.asynccontextmanager
async def running(spawn: Spawn = spawn, **options: float) -> AsyncIterator[SyntaxClient]:
    client = SyntaxClient(IndexerProcess(spawn), **{"deadline_ms": PATIENT_MS, **options})
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def answer(client: SyntaxClient, asked: Document, offset: int) -> SyntaxSite:
    """Ask until there is an answer, as the next keystrokes would."""
    deadline = time.monotonic() + 20
    while (site := await client.site(asked, offset)) is None:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    return site


def test_it_answers_about_each_version_and_sends_each_text_once() -> None:
    async def scenario() -> None:
        async with running() as client:
            first = await client.site(document("def f():\n"), 9)
            assert first is not None
            assert (first.opens_block, first.scope) == (True, ("f",))
            sent = []
            child = client._indexer.child
            child.send = lambda message, send=child.send: (sent.append(message), send(message))
            await client.site(document("def f():\n"), 3)
            second = await client.site(document("def f():\n    x\n", version=2), 14)
            assert second is not None
            assert second.opens_block is False
            assert [type(message).__name__ for message in sent] == ["Site", "Update", "Site"]
            assert await client.error_count("go", "package a\n") == 0
            assert client.notes == ()

    asyncio.run(scenario())


def test_any_string_can_be_sent() -> None:
    async def scenario() -> None:
        async with running() as client:
            text = "x = '\ud800\0😀' # \udfff"
            site = await client.site(document(text), len(text))
            assert site is not None
            assert site.region == "comment"
            assert await client.error_count("python", "\ud83d") is not None

    asyncio.run(scenario())


def test_nothing_is_asked_about_other_languages_or_huge_texts() -> None:
    async def scenario() -> None:
        async with running() as client:
            assert await client.site(document("x", language="plaintext"), 0) is None
            assert await client.site(document("x = 1; " * 750_000), 0) is None
            assert await client.error_count("plaintext", "x") is None
            assert client._indexer.child.sent == {}

    asyncio.run(scenario())


def test_a_late_answer_is_none_and_the_next_one_is_right() -> None:
    async def scenario() -> None:
        async with running(deadline_ms=150) as client:
            await answer(client, document("def f():\n"), 9)
            os.kill(client.pid, signal.SIGSTOP)
            assert await client.site(document("x = 1\n", version=2), 1) is None
            os.kill(client.pid, signal.SIGCONT)
            site = await answer(client, document("class A:\n", version=3), 9)
            assert site.scope == ("A",)
            assert client._pending == {}

    asyncio.run(scenario())


def test_a_stuck_parse_is_killed_and_the_next_request_is_answered() -> None:
    async def scenario() -> None:
        async with running(stuck_ms=300) as client:
            await answer(client, document("f()\n", language="javascript", uri="good"), 1)
            before = client.pid
            hostile = document(SLOW_JAVASCRIPT, language="javascript")
            assert await client.site(hostile, 5) is None
            await until(lambda: client.pid not in (None, before))
            # The same version is not sent to the new process; another document is answered.
            assert await client.site(hostile, 6) is None
            await answer(client, document("f()\n", language="javascript", uri="good"), 1)
            assert "a" not in client._indexer.child.sent
            mended = document("f()\n", version=2, language="javascript")
            assert (await answer(client, mended, 1)).language == "javascript"

    asyncio.run(scenario())


def test_a_process_that_is_slow_to_start_is_waited_for_and_no_document_is_at_fault() -> None:
    slow = "import os, sys, time; time.sleep(1.5); os.execv(sys.argv[1], sys.argv[1:])"

    def spawn_slowly() -> subprocess.Popen:
        line = [sys.executable, "-I", "-c", slow, *children.command("indexer")]
        return subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    async def scenario() -> None:
        async with running(spawn_slowly, deadline_ms=50, stuck_ms=500) as client:
            before = client.pid
            asked = document("def f():\n")
            assert await client.site(asked, 9) is None
            assert (await answer(client, asked, 9)).scope == ("f",)
            assert client.pid == before

    asyncio.run(scenario())


def test_a_process_that_never_comes_up_is_replaced_and_no_document_is_at_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(syntax_client, "_START_S", 0.5)
    started = itertools.count()

    def spawn_none_at_first() -> subprocess.Popen:
        if next(started):
            return spawn()
        line = [sys.executable, "-I", "-c", "import sys; sys.stdin.read()"]
        return subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    async def scenario() -> None:
        async with running(spawn_none_at_first, deadline_ms=50, stuck_ms=5000) as client:
            asked = document("def f():\n")
            assert (await answer(client, asked, 9)).scope == ("f",)
            assert next(started) == 2

    asyncio.run(scenario())


def test_a_slow_document_is_refused_for_good_after_two_strikes_until_reopened() -> None:
    async def scenario() -> None:
        async with running() as client:
            for version in (1, 2):
                hostile = document(SLOW_JAVASCRIPT + ";" * version, version, "javascript")
                assert await client.site(hostile, 5) is None
            assert [note for note in client.notes if "too slow to parse twice" in note]
            mended = document("f()\n", 3, "javascript")
            assert await client.site(mended, 1) is None
            client.forget("a")
            assert await client.site(mended, 1) is not None

    asyncio.run(scenario())


def test_a_killed_indexer_costs_one_answer() -> None:
    async def scenario() -> None:
        async with running() as client:
            asked = document("def f():\n")
            await answer(client, asked, 9)
            before = client.pid
            os.kill(before, signal.SIGSTOP)
            waiting = asyncio.create_task(client.site(asked, 9))
            await asyncio.sleep(0)
            os.kill(before, signal.SIGKILL)
            assert await waiting is None
            # A new version: the one that was in work when the process died is refused.
            site = await answer(client, document("def g():\n", version=2), 9)
            assert site.scope == ("g",)
            assert client.pid != before

    asyncio.run(scenario())


def test_a_full_pipe_does_not_hold_the_loop() -> None:
    async def scenario() -> None:
        async with running(deadline_ms=20, stuck_ms=60_000) as client:
            await until(lambda: client.pid is not None)
            os.kill(client.pid, signal.SIGSTOP)
            text = "x = 1\n" * 160_000
            began = time.monotonic()
            for version in range(20):
                assert await client.site(document(text, version), 0) is None
            # Past the limit nothing more is queued, so the memory for it is bounded.
            assert client._indexer.child.unsent_bytes() < 6_000_000
            assert time.monotonic() - began < 15
            os.kill(client.pid, signal.SIGCONT)
            await answer(client, document("x = 1\n", 99), 1)

    asyncio.run(scenario())


def test_an_indexer_that_cannot_start_is_noted_and_tried_again() -> None:
    attempts = []

    def failing() -> subprocess.Popen:
        attempts.append(time.monotonic())
        if len(attempts) < 3:
            raise OSError("no such file")
        return spawn()

    async def scenario() -> None:
        async with running(failing) as client:
            assert await client.site(document("x"), 0) is None
            await answer(client, document("x"), 0)
            assert len(attempts) == 3
            assert client.notes == ("the indexer did not start (OSError): no syntax for now",)

    asyncio.run(scenario())


def test_an_indexer_that_dies_at_once_is_started_ever_more_slowly() -> None:
    attempts = []

    def dying() -> subprocess.Popen:
        attempts.append(time.monotonic())
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", ""],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    async def scenario() -> None:
        async with running(dying) as client:
            await until(lambda: any("keeps ending" in note for note in client.notes))
            assert await client.site(document("x"), 0) is None
        count = len(attempts)
        gaps = [later - earlier for earlier, later in itertools.pairwise(attempts)]
        assert gaps[-1] > 0.2
        await asyncio.sleep(0)
        assert len(attempts) == count

    asyncio.run(scenario())


def test_garbage_from_the_indexer_ends_it() -> None:
    processes = []

    def babbling() -> subprocess.Popen:
        code = "import os, time; os.write(1, b'\\xff' * 64); time.sleep(60)"
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        processes.append(process)
        return process

    async def scenario() -> None:
        async with running(babbling, deadline_ms=50) as client:
            await until(lambda: len(processes) > 1)
            assert await client.site(document("x"), 0) is None
        assert all(process.poll() is not None for process in processes)

    asyncio.run(scenario())


def test_closing_ends_the_process_the_pipes_and_the_waiting() -> None:
    async def scenario() -> None:
        client = SyntaxClient(IndexerProcess(spawn), deadline_ms=PATIENT_MS)
        await client.start()
        process = client._indexer.child.process
        os.kill(process.pid, signal.SIGSTOP)
        waiting = asyncio.create_task(client.site(document("x"), 0))
        await asyncio.sleep(0)
        await client.close()
        assert await waiting is None
        assert process.poll() is not None
        assert process.stdin.closed
        assert process.stdout.closed
        await client.close()
        await client.start()
        assert client.pid is None
        assert await client.site(document("x"), 0) is None

    asyncio.run(scenario())


def test_a_cancelled_question_leaves_the_client_usable() -> None:
    async def scenario() -> None:
        async with running() as client:
            os.kill(client.pid, signal.SIGSTOP)
            waiting = asyncio.create_task(client.site(document("x"), 0))
            await asyncio.sleep(0)
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting
            assert waiting.cancelled()
            os.kill(client.pid, signal.SIGCONT)
            await answer(client, document("def f():\n", 2), 9)

    asyncio.run(scenario())
