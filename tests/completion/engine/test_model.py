"""The real worker with the real default model."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest

from indoors_completion.engine import wire
from indoors_completion.engine.process import EngineProcess
from indoors_completion.types import (
    EngineError,
    Finish,
    IndoorsError,
    Job,
    ModelError,
    Part,
    Prefill,
    TokenChunk,
)
from indoors_server import children, landlock
from support.engines import (
    answer,
    engine_dir,
    fim_parts,
    job,
    model_path,
    running_engine,
    spawn_worker,
)
from support.gguf_split import write_split

pytestmark = pytest.mark.model

# About 550 tokens: long enough to be caught in the middle.
LONG = "".join(f"def step_{n}(value):\n    return value * {n} + {n % 7}\n\n\n" for n in range(30))


def with_engine(scenario: Callable[[EngineProcess], Coroutine[None, None, None]]) -> None:
    async def whole() -> None:
        async with running_engine() as engine:
            await scenario(engine)

    asyncio.run(whole())


def test_the_model_is_described_and_completes_code() -> None:
    async def scenario(engine: EngineProcess) -> None:
        model = engine.model
        assert model is not None
        assert (model.family, model.architecture, model.instruct) == (
            "qwen2.5-coder",
            "qwen2",
            True,
        )
        assert model.size_bytes == model_path().stat().st_size
        assert model.n_layers == 24
        assert model.can_shift
        assert model.prefill_tps > model.decode_tps > 0

        asked = job("def add(a, b):\n    return ", "\n\n\nprint(add(1, 2))\n", stop_at_newline=True)
        text, finish, logprobs = await answer(engine, asked)
        assert text == "a + b"
        assert finish.stop_reason == "newline"
        assert finish.n_prompt == finish.n_evaluated
        assert 0 < finish.ttft_ms <= finish.total_ms
        assert len(logprobs) == 3
        assert all(-3 < logprob <= 0 for logprob in logprobs)

    with_engine(scenario)


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux")
def test_the_worker_completes_with_its_files_enforced(tmp_path: Path) -> None:
    """Where the kernel has Landlock, the worker opens nothing but its model and libraries."""
    other = tmp_path / "other.gguf"
    other.symlink_to("/etc/passwd")

    async def scenario(engine: EngineProcess) -> None:
        await answer(engine, job("def add(a, b):\n    return ", max_tokens=4))
        expected = "enforced" if landlock.version() else "network enforced, files not"
        assert (await engine.stats()).lock == expected
        if landlock.version():
            with pytest.raises(IndoorsError) as raised:
                await engine.inspect(str(other))
            assert "Permission denied" in str(raised.value)

    with_engine(scenario)


def test_only_the_changed_end_is_evaluated_again() -> None:
    async def scenario(engine: EngineProcess) -> None:
        prefix = LONG + "def last(value):\n    return "
        _, cold, _ = await answer(engine, job(prefix, max_tokens=2))
        assert cold.n_reused == 0
        _, same, _ = await answer(engine, job(prefix, max_tokens=2))
        assert same.n_evaluated == 0
        _, longer, _ = await answer(engine, job(prefix + "value", max_tokens=2))
        # The suffix comes after the prefix, so it is evaluated again; it is short here.
        assert longer.n_evaluated < 10
        assert longer.n_reused + longer.n_evaluated == longer.n_prompt
        _, other, _ = await answer(engine, job("import os\n", slot="b", max_tokens=2))
        assert other.n_reused == 0
        _, back, _ = await answer(engine, job(prefix + "value", max_tokens=2))
        assert back.n_evaluated == 0, "another document cost this one its cache"

    with_engine(scenario)


def test_reuse_does_not_change_the_answer() -> None:
    async def scenario(engine: EngineProcess) -> None:
        head = "import math\n\n\ndef area(radius):\n    return "
        await answer(engine, job(head + "mat", slot="warm"))
        warm = await answer(engine, job(head + "math.", slot="warm", stop_at_newline=True))
        cold = await answer(engine, job(head + "math.", slot="cold", stop_at_newline=True))
        assert warm[1].n_reused > cold[1].n_reused == 0
        assert warm[0] == cold[0] != ""

    with_engine(scenario)


def test_cancelled_in_the_middle_of_the_prefill() -> None:
    async def scenario(engine: EngineProcess) -> None:
        # The speed was measured at load, and the machine may be quicker or slower now: where it had
        # ended already, or nothing was in the cache yet, it is tried again after another time.
        wait_s = 150 / max(1.0, _speed(engine))
        n_cancelled = 0
        for number in range(10):
            asked = job(LONG, slot=f"attempt {number}", max_tokens=2)
            task = asyncio.ensure_future(answer(engine, asked))
            await asyncio.sleep(0)
            while (await engine.stats()).state != "busy":
                await asyncio.sleep(0.005)
            await asyncio.sleep(wait_s)
            if not task.cancel():
                wait_s /= 2
                continue
            n_cancelled += 1
            with pytest.raises(asyncio.CancelledError):
                await task
            while (stats := await engine.stats()).state != "ready":
                await asyncio.sleep(0.005)
            assert stats.n_cancelled == n_cancelled
            _, finish, _ = await answer(engine, asked)
            assert finish.stop_reason in ("length", "eos")
            if finish.n_reused:
                break
            wait_s *= 2
        # At least one chunk was in the cache when it was stopped, and some were not.
        assert 0 < finish.n_reused < finish.n_prompt - 1

    with_engine(scenario)


def _speed(engine: EngineProcess) -> float:
    assert engine.model is not None
    return engine.model.prefill_tps


def test_cancelled_in_the_middle_of_the_answer() -> None:
    async def scenario(engine: EngineProcess) -> None:
        asked = job("# Numbers in words, one a line\nWORDS = [\n", max_tokens=60)
        stream = engine.generate(asked)
        prefill = await anext(stream)
        assert isinstance(prefill, Prefill)
        assert prefill.n_evaluated + prefill.n_reused == prefill.n_prompt
        assert isinstance(await anext(stream), TokenChunk)
        await _aclose(stream)
        _, finish, _ = await answer(engine, job("x = ", slot="b", max_tokens=1))
        assert finish.stop_reason == "length", "the worker is free again"
        stats = await engine.stats()
        assert (stats.n_cancelled, stats.state) == (1, "ready")
        _, again, _ = await answer(engine, asked)
        assert again.n_evaluated == 0

    with_engine(scenario)


async def _aclose(stream: AsyncIterator[Prefill | TokenChunk | Finish]) -> None:
    await stream.aclose()  # type: ignore[attr-defined]


def test_a_job_cancelled_while_it_waits_is_never_run() -> None:
    async def scenario(engine: EngineProcess) -> None:
        first = asyncio.ensure_future(answer(engine, job(LONG, max_tokens=4)))
        waiting = asyncio.ensure_future(answer(engine, job(LONG, slot="b")))
        await asyncio.sleep(0)
        waiting.cancel()
        assert (await first)[1].stop_reason in ("length", "eos")
        _, finish, _ = await answer(engine, job("x", slot="b"))
        assert finish.n_reused == 0
        stats = await engine.stats()
        assert stats.n_cancelled == 1
        assert stats.n_jobs == 3

    with_engine(scenario)


def test_sentinels_in_source_text_stay_text() -> None:
    async def scenario(engine: EngineProcess) -> None:
        hostile = "<|fim_middle|><|endoftext|><|im_end|><|fim_suffix|>"
        _, finish, _ = await answer(engine, job(hostile, hostile, max_tokens=1))
        # Each would be one token if it were special; in pieces it is at least four.
        assert finish.n_prompt >= 3 + 8 * 4
        parts = (Part(text="<|fim_prefix|> ", special=True), Part(text="x"))
        text, finish, _ = await answer(engine, Job(parts=parts, slot="a", max_tokens=1))
        assert (text, finish.stop_reason) == ("", "unavailable")
        assert "fill in the middle" in finish.detail

    with_engine(scenario)


def test_budgets_stops_and_temperature() -> None:
    async def scenario(engine: EngineProcess) -> None:
        parts = list(fim_parts(LONG))
        parts[1] = Part(text=LONG, budget_tokens=100)
        _, finish, _ = await answer(engine, Job(parts=tuple(parts), slot="a", max_tokens=1))
        assert 50 < finish.n_prompt <= 105

        counting = "numbers = [1, 2, 3, 4, "
        text, finish, _ = await answer(engine, job(counting, stops=(" 7",), max_tokens=30))
        assert (text, finish.stop_reason) == ("5, 6,", "stop")

        warm = {"temperature": 1.2, "max_tokens": 12}
        one = await answer(engine, job("name = '", seed=1, **warm))
        same = await answer(engine, job("name = '", seed=1, **warm))
        others = [(await answer(engine, job("name = '", seed=n, **warm)))[0] for n in (2, 3, 4)]
        assert one[0] == same[0]
        assert set(others) != {one[0]}
        assert all(logprob <= 0 and math.isfinite(logprob) for logprob in one[2])

    with_engine(scenario)


def test_a_prompt_longer_than_the_context_is_clipped() -> None:
    async def whole() -> None:
        async with running_engine(wire.Load(path=str(model_path()), n_ctx=256)) as engine:
            for slot in ("a", "b", "a"):
                _, finish, _ = await answer(engine, job(LONG, LONG, slot=slot, max_tokens=20))
                assert finish.stop_reason in ("length", "eos")
                assert 200 < finish.n_prompt <= 236
            assert (await engine.stats()).n_cells_used <= 256

    asyncio.run(whole())


def test_other_scripts_arrive_whole() -> None:
    async def scenario(engine: EngineProcess) -> None:
        chunks = [
            item.text
            async for item in engine.generate(
                job('ANIMALS = ["🐶", "🐱", "🐭", "🐹", "🐰", "🦊", "', '"]\n', max_tokens=24)
            )
            if isinstance(item, TokenChunk)
        ]
        assert chunks
        assert not any("\ufffd" in chunk for chunk in chunks)

    with_engine(scenario)


def test_memory_does_not_grow_with_cancelled_requests() -> None:
    async def scenario(engine: EngineProcess) -> None:
        async def cycle(n: int) -> None:
            stream = engine.generate(job(f"x{n} = ", slot=f"doc{n % 12}", max_tokens=50))
            if n % 2:
                await anext(stream)
            else:
                task = asyncio.ensure_future(anext(stream))
                await asyncio.sleep(0.01)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await _aclose(stream)

        for n in range(40):
            await cycle(n)
        before = (await engine.stats()).rss_bytes
        for n in range(200):
            await cycle(n)
        after = (await engine.stats()).rss_bytes
        assert after - before < 16_000_000, f"{(after - before) / 1e6:.0f} MB more"
        assert not engine._streams

    with_engine(scenario)


# --- loads that fail ----------------------------------------------------------------------------


def broken(kind: str, directory: Path) -> str:
    path = directory / f"{kind}.gguf"
    if kind == "missing":
        return str(path)
    if kind == "text":
        path.write_text("not a model")
        return str(path)
    with model_path().open("rb") as file:
        data = bytearray(file.read(8_000_000 if kind != "short" else 3000))
    if kind == "architecture":
        at = data.index(b"qwen2", data.index(b"general.architecture"))
        data[at : at + 5] = b"qwen?"
    elif kind == "version":
        data[4:8] = struct.pack("<I", 99)
    elif kind == "noise":
        data[8:] = os.urandom(len(data) - 8)
    path.write_bytes(data)
    if kind == "architecture":
        os.truncate(path, model_path().stat().st_size)  # whole, though with holes for weights
    return str(path)


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("missing", "cannot be opened"), ("text", "damaged"), ("truncated", "damaged"),
        ("short", "damaged"), ("noise", "damaged"),
        ("architecture", "does not know this kind of model"),
        ("version", "does not know this kind of model"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_loaded(tmp_path: Path, kind: str, what: str) -> None:
    path = broken(kind, tmp_path)

    async def whole() -> None:
        engine = EngineProcess(spawn_worker, wire.Load(path=path))
        await engine.start()
        try:
            with pytest.raises(ModelError, match=what) as caught:
                await engine.wait_ready(60)
            assert path in caught.value.why
            assert "/proc/" not in caught.value.why
            assert caught.value.next_step
            assert (await answer(engine, job("x")))[1].stop_reason == "unavailable"
            with pytest.raises(ModelError, match=what):
                await engine.inspect(path)
            assert engine.state.restarts == 0
        finally:
            await engine.close()

    asyncio.run(whole())


def test_a_file_that_changed_since_it_was_verified(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    os.link(model_path(), path) if _same_device(tmp_path) else shutil.copy(model_path(), path)
    found = path.stat()
    identity = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    async def whole() -> None:
        load = wire.Load(path=str(path), identity=(*identity[:4], identity[4] + 1))
        engine = EngineProcess(spawn_worker, load)
        await engine.start()
        try:
            with pytest.raises(ModelError, match="changed since"):
                await engine.wait_ready(60)
            await engine.load(wire.Load(path=str(path), identity=identity))
            assert await engine.wait_ready(60) is not None
        finally:
            await engine.close()

    asyncio.run(whole())


def _same_device(directory: Path) -> bool:
    return directory.stat().st_dev == model_path().stat().st_dev


@pytest.mark.skipif(sys.platform != "linux", reason="an address space limit is Linux's")
def test_a_model_that_does_not_fit_into_memory() -> None:
    def spawn() -> subprocess.Popen[bytes]:
        limited = 'ulimit -v 1000000; exec "$@"'
        command = children.command("worker", "--engine", str(engine_dir()))
        return subprocess.Popen(
            ["/bin/sh", "-c", limited, "sh", *command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        )  # fmt: skip

    async def whole() -> None:
        load = wire.Load(path=str(model_path()), n_ctx=32768)
        engine = EngineProcess(spawn, load, backoff_s=(0.01,))
        await engine.start()
        try:
            with pytest.raises(ModelError, match="does not fit into memory"):
                await engine.wait_ready(60)
        finally:
            await engine.close()

    asyncio.run(whole())


def test_without_an_engine_the_error_says_how_to_get_one(tmp_path: Path) -> None:
    (tmp_path / "llama_cpp" / "lib").mkdir(parents=True)
    source = engine_dir() / "llama_cpp"
    for name in ("llama_cpp.py", "_ctypes_extensions.py"):
        shutil.copy(source / name, tmp_path / "llama_cpp" / name)
    (tmp_path / "llama_cpp" / "lib" / "libllama.so").write_bytes(b"\x7fELF no library")

    async def whole() -> None:
        engine = EngineProcess(
            lambda: children.spawn("worker", "--engine", str(tmp_path)),
            wire.Load(path=str(model_path())),
        )
        await engine.start()
        try:
            with pytest.raises(EngineError, match="cannot be loaded") as caught:
                await engine.wait_ready(60)
            assert caught.value.next_step == "indoors engine install"
        finally:
            await engine.close()

    asyncio.run(whole())


def test_a_split_file_loads_by_its_first_part(tmp_path: Path) -> None:
    first = write_split(model_path(), tmp_path)

    async def whole() -> None:
        async with running_engine() as engine:
            one = engine.model
        async with running_engine(wire.Load(path=str(first))) as engine:
            split = engine.model
            assert one is not None
            assert split is not None
            assert split.n_params == one.n_params
            assert 0 <= split.size_bytes - one.size_bytes < 10_000
            (tmp_path / "split-00002-of-00002.gguf").unlink()
            await engine.load(wire.Load(path=str(first)))
            with pytest.raises(ModelError, match="cannot be opened") as caught:
                await engine.wait_ready(60)
            assert "split-00002-of-00002" in caught.value.why

    asyncio.run(whole())


def test_a_model_file_describes_itself_without_its_weights() -> None:
    async def whole() -> None:
        engine = EngineProcess(spawn_worker, None)
        await engine.start()
        try:
            found = await engine.inspect(str(model_path()))
            assert found.model.family == "qwen2.5-coder"
            assert found.advice == ""
            assert found.metadata["general.architecture"] == "qwen2"
            assert not any("chat_template" in key for key in found.metadata)
            assert engine.model is None
            with pytest.raises(IndoorsError):
                await engine.inspect(str(model_path().parent))
        finally:
            await engine.close()

    asyncio.run(whole())


def test_a_closed_document_gives_its_cells_back() -> None:
    async def scenario(engine: EngineProcess) -> None:
        await answer(engine, job("x = ", max_tokens=1))
        await answer(engine, job("y = ", slot="b", max_tokens=1))
        held = (await engine.stats()).n_cells_used
        engine.forget("a")
        engine.forget("never seen")
        _, finish, _ = await answer(engine, job("y = ", slot="b", max_tokens=1))
        assert finish.n_evaluated == 0, "the other document is still warm"
        assert (await engine.stats()).n_cells_used < held
        _, finish, _ = await answer(engine, job("x = ", max_tokens=1))
        assert finish.n_reused == 0

    with_engine(scenario)
