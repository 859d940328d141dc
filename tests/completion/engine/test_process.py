"""The parent's side, against a worker that misbehaves on purpose."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fakes.engine import MODEL
from indoors_completion.engine import wire
from indoors_completion.engine.process import EngineProcess, EngineState
from indoors_completion.types import EngineError, IndoorsError, ModelError, TokenChunk
from support.engines import answer, is_alive, job, n_open_descriptors

SCRIPT = Path(__file__).parents[2] / "fakes" / "worker_script.py"
LOAD = wire.Load(path="/model.gguf")
Scenario = Callable[[EngineProcess], Awaitable[None]]


class Fake:
    """A worker's behaviour, its log, and the states that the parent went through."""

    def __init__(self, directory: Path, *behaviour: str) -> None:
        self.log = directory / "worker.log"
        self.behaviour = behaviour
        self.states: list[EngineState] = []

    def spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-I", str(SCRIPT), *self.behaviour, str(self.log)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        )  # fmt: skip

    def heard(self, word: str) -> int:
        return self.log.read_text().split().count(word) if self.log.exists() else 0

    def phases(self) -> list[str]:
        return [state.phase for state in self.states]

    def run(
        self,
        scenario: Scenario,
        load: wire.Load | None = LOAD,
        backoff_s: tuple[float, ...] = (0.01, 0.02),
    ) -> None:
        """Run a scenario on a started engine; afterwards nothing of it may be left."""

        async def whole() -> None:
            engine = EngineProcess(
                self.spawn, load, on_state=self.states.append, backoff_s=backoff_s
            )
            await engine.start()
            try:
                await scenario(engine)
            finally:
                await engine.close()
            assert len(asyncio.all_tasks()) == 1

        n_threads, n_descriptors = threading.active_count(), n_open_descriptors()
        asyncio.run(whole())
        deadline = time.monotonic() + 5
        while threading.active_count() > n_threads or n_open_descriptors() > n_descriptors:
            assert time.monotonic() < deadline, "threads or descriptors leak"
            time.sleep(0.01)


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


def test_a_load_and_an_answer(tmp_path: Path) -> None:
    fake = Fake(tmp_path, "echo")

    async def scenario(engine: EngineProcess) -> None:
        assert engine.model is None
        model = await engine.wait_ready(10)
        assert model is not None
        assert model == engine.model
        text, finish, logprobs = await answer(engine, job("ab", "c"))
        assert (text, finish.stop_reason, logprobs) == ("abc", "eos", [-0.5] * 3)
        assert (await engine.stats()).state == "ready"

    fake.run(scenario)
    assert fake.phases() == ["starting", "loading", "loading", "ready", "stopped"]


def test_several_answers_at_once_do_not_mix(tmp_path: Path) -> None:
    async def scenario(engine: EngineProcess) -> None:
        await engine.wait_ready(10)
        asked = [str(n) * 50 for n in range(9)]
        answers = await asyncio.gather(*(answer(engine, job(text, "")) for text in asked))
        assert [text for text, _, _ in answers] == asked

    Fake(tmp_path, "echo").run(scenario)


def test_frames_longer_than_a_pipe(tmp_path: Path) -> None:
    async def scenario(engine: EngineProcess) -> None:
        await engine.wait_ready(10)
        text, _, _ = await answer(engine, job("y" * 300_000))
        assert text == "x" * 200_000

    Fake(tmp_path, "large").run(scenario)


def test_without_a_model_the_answer_is_empty_at_once(tmp_path: Path) -> None:
    async def scenario(engine: EngineProcess) -> None:
        text, finish, _ = await answer(engine, job("x"))
        assert (text, finish.stop_reason) == ("", "unavailable")

    Fake(tmp_path, "echo").run(scenario)


@pytest.mark.parametrize("how", ["aclose", "cancel the task"])
def test_leaving_a_stream_cancels_it_in_the_worker(tmp_path: Path, how: str) -> None:
    fake = Fake(tmp_path, "endless")

    async def scenario(engine: EngineProcess) -> None:
        await engine.wait_ready(10)
        stream = engine.generate(job("x"))
        first = await anext(stream)
        assert isinstance(first, TokenChunk)
        if how == "aclose":
            await stream.aclose()
        else:
            task = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await until(lambda: fake.heard("Cancel") == 1)
        # Its late frames reach nobody, and the next request is served.
        assert (await engine.stats()).state == "ready"
        assert not engine._streams

    fake.run(scenario)


@pytest.mark.parametrize("behaviour", ["die-first", "garbage", "half-frame"])
def test_a_worker_lost_in_a_generation(tmp_path: Path, behaviour: str) -> None:
    fake = Fake(tmp_path, behaviour)

    async def scenario(engine: EngineProcess) -> None:
        await engine.wait_ready(10)
        first_pid = engine.state.pid
        text, finish, _ = await answer(engine, job("abc", ""))
        assert text in ("", "half")
        assert finish.stop_reason == "unavailable"
        assert engine.model is None
        await engine.wait_ready(10)
        assert engine.state.restarts == 1
        assert engine.state.pid != first_pid
        assert (await answer(engine, job("abc", "")))[0] == "abc"

    fake.run(scenario)
    assert fake.heard("start") == 2
    assert fake.heard("Load") == 2


def test_a_failed_load_is_told_once_and_not_tried_again(tmp_path: Path) -> None:
    fake = Fake(tmp_path, "fail-load")

    async def scenario(engine: EngineProcess) -> None:
        with pytest.raises(ModelError, match="damaged") as caught:
            await engine.wait_ready(10)
        assert caught.value.next_step == "pull it"
        assert (await answer(engine, job("x")))[1].stop_reason == "unavailable"
        await asyncio.sleep(0.1)
        assert fake.heard("Load") == 1
        await engine.load(LOAD)
        with pytest.raises(ModelError):
            await engine.wait_ready(10)
        assert fake.heard("Load") == 2

    fake.run(scenario)
    assert fake.phases().count("failed") == 2
    assert fake.heard("start") == 1


def test_an_illegal_instruction_names_the_rebuild(tmp_path: Path) -> None:
    fake = Fake(tmp_path, "die-start", "SIGILL")

    async def scenario(engine: EngineProcess) -> None:
        with pytest.raises(EngineError, match="another CPU") as caught:
            await engine.wait_ready(10)
        assert caught.value.next_step == "indoors engine install --rebuild"

    fake.run(scenario)
    assert fake.heard("start") == 1


def test_repeated_kills_hint_at_memory(tmp_path: Path) -> None:
    fake = Fake(tmp_path, "die-start", "SIGKILL")

    async def scenario(engine: EngineProcess) -> None:
        with pytest.raises(EngineError, match="killed more than once") as caught:
            await engine.wait_ready(10)
        assert "memory" in caught.value.why

    fake.run(scenario)


def test_a_worker_that_never_loads_is_given_up(tmp_path: Path) -> None:
    fake = Fake(tmp_path, "die-load")

    async def scenario(engine: EngineProcess) -> None:
        with pytest.raises(EngineError, match="ended"):
            await engine.wait_ready(10)
        assert engine.state.phase == "failed"
        assert fake.heard("start") == 3  # the first start, and one for each pause

    fake.run(scenario)


def test_a_worker_that_did_load_is_never_given_up(tmp_path: Path) -> None:
    fake = Fake(tmp_path, "die-generate", "SIGSEGV")

    async def scenario(engine: EngineProcess) -> None:
        for _ in range(5):
            await engine.wait_ready(10)
            assert (await answer(engine, job("x")))[1].stop_reason == "unavailable"
            assert engine.state.phase == "restarting"
        assert engine.state.restarts == 5

    fake.run(scenario)


def test_close_ends_a_worker_that_does_not_listen(tmp_path: Path) -> None:
    fake = Fake(tmp_path, "deaf")

    async def scenario(engine: EngineProcess) -> None:
        await engine.wait_ready(10)
        pid = engine.state.pid
        assert pid is not None
        pending = asyncio.ensure_future(answer(engine, job("z" * 1_000_000)))
        await asyncio.sleep(0.05)
        begun = time.monotonic()
        await engine.close()
        assert time.monotonic() - begun < 3
        assert not is_alive(pid)
        assert (await pending)[1].stop_reason == "unavailable"

    fake.run(scenario)


def test_another_load_while_one_runs_starts_afresh(tmp_path: Path) -> None:
    fake = Fake(tmp_path, "echo")

    async def scenario(engine: EngineProcess) -> None:
        assert engine.state.phase == "loading"
        await engine.load(wire.Load(path="/other.gguf"))
        assert await engine.wait_ready(10) is not None
        assert engine.state.restarts == 0

    fake.run(scenario)


def test_questions_fail_clearly(tmp_path: Path) -> None:
    async def scenario(engine: EngineProcess) -> None:
        with pytest.raises(ModelError, match="No such model"):
            await engine.inspect("/nope.gguf")
        await engine.close()
        with pytest.raises(IndoorsError):
            await engine.stats()

    Fake(tmp_path, "echo").run(scenario, load=None)


def test_a_program_that_does_not_start(tmp_path: Path) -> None:
    def spawn() -> subprocess.Popen[bytes]:
        return subprocess.Popen([str(tmp_path / "nothing")], stdin=-1, stdout=-1)

    async def whole() -> None:
        engine = EngineProcess(spawn, LOAD)
        await engine.start()
        with pytest.raises(EngineError, match="cannot be started"):
            await engine.wait_ready(1)
        await engine.close()

    asyncio.run(whole())


def test_a_worker_stopped_by_the_system_delays_nobody(tmp_path: Path) -> None:
    """Frames queue while the worker stands still; the event loop does not."""

    async def scenario(engine: EngineProcess) -> None:
        import signal

        await engine.wait_ready(10)
        pid = engine.state.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        pending = asyncio.ensure_future(answer(engine, job("q" * 500_000, "")))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not pending.done()
        os.kill(pid, signal.SIGCONT)
        assert len((await pending)[0]) == 200_000

    Fake(tmp_path, "large").run(scenario)


def learning() -> EngineProcess:
    """An engine whose model was measured at 1000 and 100 tokens a second."""
    engine = EngineProcess(lambda: None, None)  # type: ignore[arg-type, return-value]
    engine._state = EngineState(phase="ready", model=MODEL)
    return engine


def prefilled(n_evaluated: int, prefill_ms: float) -> wire.Prefilled:
    return wire.Prefilled(n_prompt=500, n_reused=0, n_evaluated=n_evaluated, prefill_ms=prefill_ms)


def test_speeds_follow_what_answers_take() -> None:
    """A machine that is busy at load must not be held for slow ever after, nor the reverse."""
    engine = learning()
    for _ in range(30):
        engine._take(prefilled(400, 1000.0))
        engine._take(wire.Done(stop_reason="eos", n_generated=21, ttft_ms=1000.0, total_ms=1400.0))
    assert engine.model is not None
    assert 400 / 1.5 <= engine.model.prefill_tps <= 400 * 1.5
    assert 50 / 1.5 <= engine.model.decode_tps <= 50 * 1.5
    known = engine.model
    engine._take(prefilled(1, 500.0))
    assert engine.model == known, "one token says nothing about prefill"


def test_a_speed_that_wavers_changes_nothing() -> None:
    """The window follows the budget and the budget the speed: they must hold still at each key."""
    engine = learning()
    for prefill_ms in (330.0, 480.0, 390.0, 520.0, 350.0) * 4:
        engine._take(prefilled(400, prefill_ms))
        assert engine.model is MODEL
