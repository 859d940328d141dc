"""The real engine and the real default model, for tests marked `model`."""

from __future__ import annotations

import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from indoors_completion import catalog
from indoors_completion.engine import wire
from indoors_completion.engine.process import EngineProcess
from indoors_completion.types import Finish, Job, Part, TokenChunk
from indoors_server import children, paths

READY_S = 120.0


def engine_dir() -> Path:
    """The newest directory with an unpacked llama_cpp package."""
    found = [path.parent for path in paths.engines_dir().glob("*/llama_cpp") if path.is_dir()]
    assert found, "no engine: run `make test`, or `indoors engine install`"
    return max(found, key=lambda path: path.stat().st_mtime_ns)


def model_path() -> Path:
    """The default model of the catalogue."""
    path = paths.models_dir() / catalog.default().file
    assert path.is_file(), "no model: run `make test`, or `indoors setup`"
    return path


def spawn_worker(model: str = "") -> subprocess.Popen[bytes]:
    """Start a real worker on the real engine; it can open this model only, if one is named."""
    arguments = ["--model", model] if model else []
    return children.spawn("worker", "--engine", str(engine_dir()), *arguments)


@asynccontextmanager
async def running_engine(
    load: wire.Load | None = None, **options: object
) -> AsyncIterator[EngineProcess]:
    """A real engine with the default model, ready; closed at the end.

    Its worker is started as the server starts it, so it opens nothing but its model.
    """
    load = load or wire.Load(path=str(model_path()))
    engine = EngineProcess(
        partial(spawn_worker, load.path),
        load,
        **options,  # type: ignore[arg-type]
    )
    await engine.start()
    try:
        await engine.wait_ready(READY_S)
        yield engine
    finally:
        await engine.close()


def fim_parts(prefix: str, suffix: str = "\n") -> tuple[Part, ...]:
    """A prompt in Qwen's form."""
    return (
        Part(text="<|fim_prefix|>", special=True),
        Part(text=prefix),
        Part(text="<|fim_suffix|>", special=True),
        Part(text=suffix, keep="head"),
        Part(text="<|fim_middle|>", special=True),
    )


def job(prefix: str, suffix: str = "\n", **fields: object) -> Job:
    """A job of a few tokens on one slot."""
    options: dict[str, object] = {"slot": "a", "max_tokens": 16, **fields}
    return Job(parts=fim_parts(prefix, suffix), **options)  # type: ignore[arg-type]


async def answer(engine: EngineProcess, asked: Job) -> tuple[str, Finish, list[float]]:
    """The whole text of a job, its Finish, and the log-probabilities."""
    text, logprobs = "", []
    async for item in engine.generate(asked):
        if isinstance(item, TokenChunk):
            text += item.text
            logprobs += item.logprobs
        elif isinstance(item, Finish):
            return text, item, logprobs
    raise AssertionError("the stream ended without a Finish")


def wait_until(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Poll until `condition` holds; fail with `what` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process exists and is not a zombie (Linux)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def n_open_descriptors() -> int:
    """The descriptors of this process."""
    return len(list(Path("/dev/fd").iterdir()))
