"""Deaths of the real worker and of its parent: nothing of ours is left, and work goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from indoors_completion.engine import wire
from indoors_completion.types import Job, Part, Prefill, TokenChunk
from support.engines import (
    answer,
    engine_dir,
    is_alive,
    job,
    model_path,
    running_engine,
    spawn_worker,
    wait_until,
)

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(sys.platform != "linux", reason="/proc tells who lives"),
]

GONE_S = 5.0

# A parent that starts a worker, sends it frames from its own stdin, and waits to be killed. It says
# the worker's pid, and then passes on what the worker writes, so that a test can see the phase.
PARENT = """
import shutil, sys
from indoors_server import children
worker = children.spawn("worker", "--engine", sys.argv[1])
sys.stdout.buffer.write(b"%d\\n" % worker.pid)
sys.stdout.buffer.flush()
length = int(sys.argv[2])
worker.stdin.write(sys.stdin.buffer.read(length))
while data := worker.stdout.read(65536):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
"""


def test_killed_in_a_generation_it_is_served_after_one_reload() -> None:
    async def whole() -> None:
        async with running_engine() as engine:
            pid = engine.state.pid
            assert pid is not None
            items = []
            async for item in engine.generate(job("x = [1, 2, 3, ", max_tokens=100)):
                items.append(item)
                if isinstance(item, TokenChunk) and is_alive(pid):
                    os.kill(pid, signal.SIGKILL)
            assert [type(item) for item in items[:2]] == [Prefill, TokenChunk]
            assert items[-1].stop_reason == "unavailable"  # type: ignore[union-attr]
            assert not is_alive(pid)
            await engine.wait_ready(60)
            assert engine.state.restarts == 1
            asked = job("def add(a, b):\n    return ", stop_at_newline=True)
            assert (await answer(engine, asked))[0].startswith("a + b")

    asyncio.run(whole())


def _frames(phase: str) -> bytes:
    load = wire.encode(wire.Load(request=1, path=str(model_path())))
    if phase == "load":
        return load
    text = "".join(f"value_{n} = compute({n})\n" for n in range(500 if phase == "prefill" else 3))
    parts = (Part(text="<|fim_prefix|>", special=True), Part(text=text))
    asked = Job(parts=parts, slot="a", max_tokens=1000)
    return load + wire.encode(wire.Generate(request=2, job=asked))


@pytest.mark.parametrize("phase", ["load", "prefill", "generation"])
def test_the_worker_goes_with_its_parent(phase: str) -> None:
    """`kill -9` of the parent while the worker's main thread is deep inside llama.cpp."""
    data = _frames(phase)
    parent = subprocess.Popen(
        [sys.executable, "-I", "-c", PARENT, str(engine_dir()), str(len(data))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.stdin.write(data)
        parent.stdin.flush()
        wanted = {"load": wire.Progress, "prefill": wire.Loaded, "generation": wire.Token}[phase]
        while True:
            body = wire.read_body(parent.stdout)
            assert body is not None, "the worker ended early"
            message = wire.decode_from_worker(body)
            assert not isinstance(message, wire.Failed), message
            if isinstance(message, wanted):
                break
        assert is_alive(worker)
        parent.kill()
        wait_until(lambda: not is_alive(worker), GONE_S, "the worker outlived its parent")


@pytest.mark.parametrize("noise", [b"\xff\xff\xff\xffxxxx", b"\0\0\0\x03abc", b"\0\0\1"])
def test_malformed_frames_end_the_worker(noise: bytes) -> None:
    with spawn_worker() as worker:
        assert worker.stdin is not None
        worker.stdin.write(noise)
        worker.stdin.close()
        assert worker.wait(30) == 2


def test_statistics_are_answered_during_a_load() -> None:
    with spawn_worker() as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        load = wire.Load(request=1, path=str(model_path()))
        worker.stdin.write(wire.encode(load) + wire.encode(wire.GetStats(request=2)))
        seen = []
        reader = os.fdopen(os.dup(worker.stdout.fileno()), "rb")
        with reader:
            while not any(isinstance(message, wire.Loaded) for message in seen):
                body = wire.read_body(reader)
                assert body is not None
                seen.append(wire.decode_from_worker(body))
        kinds = [type(message) for message in seen]
        assert kinds.index(wire.Stats) < kinds.index(wire.Loaded)
        worker.stdin.close()
        assert worker.wait(10) == 0


def test_a_worker_survives_a_ctrl_c_in_the_terminal() -> None:
    async def whole() -> None:
        async with running_engine() as engine:
            assert engine.state.pid is not None
            os.kill(engine.state.pid, signal.SIGINT)
            assert (await engine.stats()).state == "ready"

    asyncio.run(whole())


def test_nothing_is_left_after_close() -> None:
    threads = threading.active_count()

    async def whole() -> int:
        async with running_engine() as engine:
            pending = asyncio.ensure_future(answer(engine, job("x = ", max_tokens=500)))
            while (await engine.stats()).state != "busy":
                await asyncio.sleep(0.01)
            begun = time.monotonic()
            await engine.close()
            assert time.monotonic() - begun < 2
            assert (await pending)[1].stop_reason == "unavailable"
            return threading.active_count()

    asyncio.run(whole())
    wait_until(lambda: threading.active_count() <= threads, 5, "threads leak")
