"""Storms, fuzzing and kill loops: a short slice in every run, at full length in `make soak`.

All of it is seeded. What is counted is answers, processes and damage, never time.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from fakes.lsp_client import running_server
from indoors_completion.engine import wire
from indoors_completion.engine.process import EngineProcess
from indoors_completion.types import Finish, IndoorsError
from support.engines import answer, job, model_path, running_engine, spawn_worker
from support.processes import children_of, is_alive, resources, wait_until

pytestmark = pytest.mark.model

PATIENT = {"completion": {"deadlineMs": 20_000}}
SOURCE = Path(__file__).read_text()[:3000]
GGUF_HEADER_BYTES = 64 * 1024


def lengths(short: int, full: int) -> pytest.MarkDecorator:
    """Run a test in a short slice, and at full length under the `soak` marker."""
    values = [
        pytest.param(short, id="slice"),
        pytest.param(full, id="full", marks=pytest.mark.soak),
    ]
    return pytest.mark.parametrize("rounds", values)


@lengths(3, 50)
def test_a_worker_killed_at_random_points_always_comes_back(rounds: int) -> None:
    """kill -9 during load, prefill and generation; each time the next job is answered."""
    chance = random.Random(1)

    async def scenario() -> None:
        async with running_engine(backoff_s=(0.01,)) as engine:
            for _ in range(rounds):
                pid = engine.state.pid
                assert pid is not None
                prompt = f"# {chance.random()}\n" * chance.randrange(1, 60) + "x = [1, "
                running = asyncio.ensure_future(answer(engine, job(prompt, max_tokens=60)))
                await asyncio.sleep(chance.random() * 0.4)
                os.kill(pid, signal.SIGKILL)
                _, finish, _ = await running
                assert finish.stop_reason in ("unavailable", "length", "eos")
                while engine.state.pid in (pid, None):
                    await asyncio.sleep(0.01)
                if chance.random() < 0.3 and engine.state.pid is not None:
                    os.kill(engine.state.pid, signal.SIGKILL)  # and again while it loads
                    await asyncio.sleep(0.05)
                await engine.wait_ready(60)
                text, _, _ = await answer(engine, job("def add(a, b):\n    return a", max_tokens=4))
                assert text.strip().startswith("+ b")

    asyncio.run(scenario())


@lengths(60, 1000)
def test_a_storm_of_requests_and_cancels(rounds: int) -> None:
    """Three documents, jumps, edits, cancels: one answer each and nothing left behind."""
    chance = random.Random(2)
    with running_server() as (client, process):
        client.initialize(settings=PATIENT)
        client.wait_ready(60)
        uris = [f"file:///w/storm{number}.py" for number in range(3)]
        for uri in uris:
            client.open(uri, SOURCE)
        requests = []
        held: dict[str, object] = {}
        for number in range(rounds):
            uri = chance.choice(uris)
            line = chance.randrange(SOURCE.count("\n"))
            if chance.random() < 0.5:
                client.insert(uri, number + 2, line, 0, chance.choice("ab(=\n "))
            requests.append(client.start_completion(uri, line, chance.randrange(12)))
            if chance.random() < 0.5:
                client.cancel(chance.choice(requests[-5:]))
            if number % 10 == 0:
                client.answer(requests[-1])
            if number == rounds // 2:
                held = {"threads": resources(process.pid).n_threads}
        for request in requests:
            client.answer(request)
        assert [len(client.answers(request)) for request in requests] == [1] * rounds
        assert set(children_of(process.pid)) == {"worker", "indexer"}
        assert resources(process.pid).n_threads <= held["threads"]  # type: ignore[operator]
        children = children_of(process.pid).values()
        client.shutdown()
        process.wait(10)
    wait_until(lambda: not any(map(is_alive, children)), 10, "the children end")


def damaged(chance: random.Random, message: bytes) -> bytes:
    """One mutation of a frame: bytes flipped, cut, doubled, or a wrong length."""
    data = bytearray(message)
    kind = chance.randrange(5)
    if kind == 0:
        for _ in range(chance.randrange(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
    elif kind == 1:
        del data[chance.randrange(len(data)) :]
    elif kind == 2:
        at = chance.randrange(len(data))
        data[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 40)))
    elif kind == 3:
        return b"Content-Length: %d\r\n\r\n" % chance.randrange(10**6) + bytes(data)
    else:
        data *= 2
    return bytes(data)


@lengths(60, 3000)
def test_a_damaged_stream_never_ends_the_server(rounds: int) -> None:
    """After every stretch of damage the server still answers a well-formed request."""
    chance = random.Random(3)
    with running_server() as (client, process):
        client.initialize(settings=PATIENT)
        client.open("file:///w/fuzz.py", "x = 1\n")
        for number in range(rounds):
            body = json.dumps(
                {
                    "jsonrpc": "2.0",
                    "id": f"fuzz{number}",
                    "method": chance.choice(
                        ["textDocument/inlineCompletion", "workspace/executeCommand", "x/y"]
                    ),
                    "params": chance.choice([{}, [], None, {"textDocument": {"uri": "a"}}]),
                }
            ).encode()
            client.send_bytes(damaged(chance, b"Content-Length: %d\r\n\r\n" % len(body) + body))
            if number % 20 == 19:
                # A wrong length may swallow what follows; padding ends what it still waits for.
                client.send_bytes(b" " * 10**6 + b"\r\n\r\n")
                assert client.request("workspace/executeCommand", {"command": "indoors.status"})
        assert process.poll() is None


@lengths(6, 150)
def test_damaged_model_files_cost_an_error_at_most(rounds: int, tmp_path: Path) -> None:
    """Bytes of the header flipped: refused with a reason, or loaded; the next load works."""
    chance = random.Random(4)
    whole = model_path().read_bytes()
    path = tmp_path / "damaged.gguf"
    path.write_bytes(whole)

    async def scenario() -> None:
        engine = EngineProcess(spawn_worker, None, backoff_s=(0.01,))
        await engine.start()
        try:
            for _ in range(rounds):
                with path.open("r+b") as file:
                    for _ in range(chance.randrange(1, 20)):
                        file.seek(chance.randrange(4, GGUF_HEADER_BYTES))
                        file.write(bytes([chance.randrange(256)]))
                await engine.load(wire.Load(path=str(path), n_ctx=512))
                with suppress(IndoorsError):
                    await engine.wait_ready(120)
                with path.open("r+b") as file:
                    file.write(whole[:GGUF_HEADER_BYTES])
            await engine.load(wire.Load(path=str(model_path()), n_ctx=512))
            await engine.wait_ready(120)
            _, finish, _ = await answer(engine, job("x = ", max_tokens=2))
            assert isinstance(finish, Finish)
            assert finish.n_generated > 0
        finally:
            await engine.close()

    asyncio.run(scenario())
