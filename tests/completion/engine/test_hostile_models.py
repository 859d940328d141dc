"""Hostile model files against a real worker: it may die of one, and nothing else happens."""

from __future__ import annotations

import asyncio
import json
import os
import random
import struct
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from indoors_completion.engine import wire
from indoors_completion.engine.process import EngineProcess
from indoors_completion.types import IndoorsError, ModelError
from indoors_server import model_store, paths
from support.engines import answer, engine_dir, job, running_engine, spawn_worker
from support.tiny_model import Tiny, tiny_model, write_tiny

pytestmark = pytest.mark.model

EXTREMES = (0, 1, 2, 7, 255, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1)


def load_of(path: Path) -> wire.Load:
    """As the server asks for it."""
    found = model_store.resolve_path(path)
    return wire.Load(path=str(found.path), n_ctx=512, identity=found.identity, sha256=found.sha256)


async def speaks(engine: EngineProcess) -> bool:
    _, finish, _ = await answer(engine, job("x = ", max_tokens=2))
    return finish.stop_reason != "unavailable" and finish.n_evaluated > 0


# --- the wrong file -----------------------------------------------------------------------------


def test_row_18_a_file_whose_hash_is_not_the_recorded_one_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "models_dir", lambda: tmp_path)  # the engine is the person's own
    path = write_tiny(tmp_path / "tiny.gguf")
    good = path.read_bytes()

    async def scenario() -> None:
        load = load_of(path)
        async with running_engine(load) as engine:
            assert await speaks(engine), "the control: the recorded file is loaded"
            evil = bytearray(good)
            evil[-1] ^= 1
            before = path.stat()
            path.write_bytes(evil)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            # The worker was told which file was hashed. Size and time are the same, and yet:
            await engine.load(load)
            with pytest.raises(ModelError, match="changed since it was verified"):
                await engine.wait_ready(60)
            assert not await speaks(engine)
            # The server hashes it, and asks for no load at all.
            with pytest.raises(ModelError, match="sha256 differs"):
                load_of(path)
            path.write_bytes(good)
            await engine.load(load_of(path))
            await engine.wait_ready(60)
            assert await speaks(engine)

    asyncio.run(scenario())


# --- damaged on purpose -------------------------------------------------------------------------


def mutated(chance: random.Random, whole: Tiny) -> bytes:
    """The model with something wrong: counts, types, lengths, offsets, its end, or any bytes."""
    data = bytearray(whole.data)
    kind = chance.choice(("field", "field", "field", "counts", "cut", "bytes", "insert"))
    if kind == "field":
        for at, size in chance.sample(whole.fields, chance.randrange(1, 4)):
            data[at : at + size] = _extreme(chance, size)
    elif kind == "counts":
        at, size = chance.choice(whole.fields[1:3])
        data[at : at + size] = _extreme(chance, size)
    elif kind == "cut":
        del data[
            chance.choice((chance.randrange(4, whole.n_header), chance.randrange(len(data)))) :
        ]
    elif kind == "bytes":
        for _ in range(chance.randrange(1, 30)):
            data[chance.randrange(4, whole.n_header)] = chance.randrange(256)
    else:
        at = chance.randrange(4, whole.n_header)
        data[at:at] = chance.randbytes(chance.randrange(1, 100))
    return bytes(data)


def _extreme(chance: random.Random, size: int) -> bytes:
    value = chance.choice((*EXTREMES, chance.getrandbits(64), chance.randrange(2000)))
    return struct.pack("<Q", value)[:size]


@pytest.mark.parametrize(
    "rounds", [pytest.param(40, id="slice"), pytest.param(1000, id="full", marks=pytest.mark.soak)]
)
def test_row_18_a_fuzzed_model_costs_its_worker_at_most_and_the_next_request_is_answered(
    rounds: int, tmp_path: Path
) -> None:
    """Each time in one and the same file, the only one that the locked-down worker can open."""
    chance, whole = random.Random(18), tiny_model()
    path = tmp_path / "m.gguf"
    path.write_bytes(whole.data)
    right = wire.Load(path=str(path), n_ctx=512)
    refusals: list[IndoorsError] = []
    n_loaded = 0

    async def scenario() -> None:
        nonlocal n_loaded
        engine = EngineProcess(partial(spawn_worker, str(path)), right, backoff_s=(0.01,))
        await engine.start()
        try:
            await engine.wait_ready(60)
            assert await speaks(engine), "the control: without damage it is loaded"
            for number in range(rounds):
                path.write_bytes(mutated(chance, whole))
                await engine.load(right)
                try:
                    await engine.wait_ready(60)
                    n_loaded += 1
                    await asyncio.wait_for(answer(engine, job("x = ", max_tokens=2)), 60)
                except IndoorsError as error:
                    refusals.append(error)
                path.write_bytes(whole.data)
                await engine.load(right)
                await engine.wait_ready(60)
                assert await speaks(engine), number
        finally:
            await engine.close()

    asyncio.run(scenario())
    assert len(refusals) > rounds / 2
    assert len(refusals) + n_loaded == rounds
    assert [error.what for error in refusals if not error.next_step] == []


# --- templates ----------------------------------------------------------------------------------

# The worker as its role starts it, but for the lock-down, under which nothing could leave a mark.
# At its end it says what it has imported.
WORKER = """
import json, os, sys
engine, told = sys.argv[1:]
leave = os._exit
def tell(status):
    with open(told, "w") as file:
        json.dump(sorted(sys.modules), file)
    leave(status)
os._exit = tell
sys.path.insert(0, engine)
from indoors_server import roles
from indoors_completion.engine import worker
tell(worker.run(*roles.frame_streams()))
"""
RENDERER = """
import pathlib
pathlib.Path({marker!r}).touch()
"""


def engine_with_a_renderer(directory: Path, marker: Path) -> Path:
    """An engine beside which there is a Jinja that leaves a mark as soon as it is imported."""
    (directory / "jinja2").mkdir(parents=True)
    (directory / "jinja2" / "__init__.py").write_text(RENDERER.format(marker=str(marker)))
    (directory / "llama_cpp").symlink_to(engine_dir() / "llama_cpp")
    return directory


@pytest.mark.parametrize(
    "template",
    [
        "{{{{ cycler.__init__.__globals__.os.system('touch {marker}') }}}}",
        "{{% for a in range(9**9) %}}{{% for b in range(9**9) %}}{{% endfor %}}{{% endfor %}}",
    ],
    ids=["writes", "never ends"],
)
def test_row_18_a_template_in_a_model_is_never_rendered(template: str, tmp_path: Path) -> None:
    marker, told = tmp_path / "marker", tmp_path / "modules.json"
    engine = engine_with_a_renderer(tmp_path / "engine", marker)
    evil = template.format(marker=marker)
    path = write_tiny(tmp_path / "m.gguf", chat_template=evil)
    assert evil.encode() in path.read_bytes()

    def spawn() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", "-c", WORKER, str(engine), str(told)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    async def scenario() -> None:
        process = EngineProcess(spawn, wire.Load(path=str(path), n_ctx=512))
        await process.start()
        try:
            model = await process.wait_ready(60)
            assert model is not None
            assert await speaks(process)
            found = await process.inspect(str(path))
            assert not any("template" in key for key in found.metadata)
        finally:
            await process.close()

    asyncio.run(scenario())
    modules = json.loads(told.read_text())
    assert "llama_cpp.llama_cpp" in modules or "llama_cpp" in modules, "the engine was loaded"
    assert "jinja2" not in modules
    assert not marker.exists()
    # The control: had anybody imported a renderer, its mark would be there.
    code = "import sys; sys.path.insert(0, sys.argv[1]); import jinja2"
    subprocess.run([sys.executable, "-I", "-c", code, str(engine)], check=True)
    assert marker.exists()
