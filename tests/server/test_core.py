"""The composition without processes: what is found, what is missing, and what is found later."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from indoors_completion.engine import wire
from indoors_completion.engine.process import EngineState
from indoors_completion.types import (
    CompletionRequest,
    Document,
    EngineError,
    IndoorsError,
    ModelError,
    ModelInfo,
)
from indoors_server import core as core_module
from indoors_server import fit, machine
from indoors_server.core import EngineCore
from indoors_server.engine_store import EngineBuild
from indoors_server.located import Located, facts_of, gpu_layers, locate
from indoors_server.model_store import ModelFile, ResolvedModel
from indoors_server.settings import Settings, resolve

SETTINGS = resolve()
BUILD = EngineBuild(directory="/e", version="1", backend="cpu", cpu_key="any", matches_cpu=True)


def model(size_bytes: int = 500_000_000) -> ResolvedModel:
    identity = (1, 2, size_bytes, 4, 5)
    path = Path("/m/tiny.gguf")
    file = ModelFile(path=path, identity=identity, sha256="ab")
    return ResolvedModel(
        path=path, identity=identity, sha256="ab", entry=None, verified=False, files=(file,)
    )


def located(path: str = "/m/tiny.gguf") -> Located:
    return Located(model(), BUILD, wire.Load(path=path))


INFO = ModelInfo(
    key="k", name="Tiny", family="qwen2.5-coder", architecture="qwen2", instruct=False,
    n_params=1, size_bytes=1, n_ctx=1, n_ctx_train=1, n_layers=1, n_gpu_layers=0,
    device="CPU", can_shift=True,
)  # fmt: skip


class FakeEngine:
    """An `EngineProcess` whose state a test sets."""

    made: list[FakeEngine]

    def __init__(self, spawn: Any, load: Any, *, on_state: Callable[[EngineState], None]) -> None:
        self.load, self.closed, self._on_state = load, False, on_state
        self.model: ModelInfo | None = None
        self.made.append(self)

    def start(self) -> None:
        self.become(EngineState(phase="loading", progress=0.5))

    def become(self, state: EngineState) -> None:
        self.model = state.model
        self._on_state(state)

    def forget(self, slot: str) -> None:
        pass

    async def stats(self) -> Any:
        if self.model is None:
            raise EngineError("The engine is not running.")
        return wire.Stats(state="ready", rss_bytes=1, n_threads=1, n_jobs=3, n_cancelled=1)

    async def close(self) -> None:
        self.closed = True


class FakeIndexer:
    def __init__(self, spawn: Any) -> None: ...

    def listen(self, listener: Any) -> None: ...

    async def start(self) -> None: ...

    async def close(self) -> None: ...


class FakeSyntax:
    def __init__(self, indexer: Any) -> None:
        self.asked: list[str] = []

    async def site(self, document: Document, offset: int) -> None:
        self.asked.append(document.uri)

    def forget(self, uri: str) -> None: ...


class Bench:
    """An EngineCore over fakes, on a clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.core = EngineCore(lambda: self.now_s)
        self.found: Located | IndoorsError = located()
        self.engines: list[FakeEngine] = []
        self.n_located = 0
        self.n_changes = 0

    def locate(self, settings: Settings, progress: Any = None, policies: Any = None) -> Located:
        self.n_located += 1
        self.policies = policies
        if isinstance(self.found, IndoorsError):
            raise self.found
        return self.found

    def changed(self) -> None:
        self.n_changes += 1

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.001)


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Bench], Awaitable[None]]], None]:
    def run(test: Callable[[Bench], Awaitable[None]]) -> None:
        async def with_bench() -> None:
            bench = Bench()
            monkeypatch.setattr(FakeEngine, "made", bench.engines, raising=False)
            monkeypatch.setattr(core_module, "locate", bench.locate)
            bench.core.start(SETTINGS, bench.changed)
            await test(bench)
            await bench.core.close()
            assert all(engine.closed for engine in bench.engines)

        monkeypatch.setattr(core_module, "EngineProcess", FakeEngine)
        monkeypatch.setattr(core_module, "IndexerProcess", FakeIndexer)
        monkeypatch.setattr(core_module, "SyntaxClient", FakeSyntax)
        asyncio.run(with_bench())

    return run


def test_a_load_goes_from_loading_to_ready(check: Any) -> None:
    async def test(bench: Bench) -> None:
        assert bench.core.facts.phase == "loading"
        await bench.until(lambda: bench.engines)
        assert bench.core.facts.progress == 0.5
        bench.engines[0].become(EngineState(phase="ready", model=INFO))
        await bench.core.wait_ready()
        assert (bench.core.facts.model, bench.core.facts.device) == ("tiny", "CPU")
        assert bench.n_changes >= 2

    check(test)


def completed(bench: Bench) -> None:
    """As where an engine elsewhere is ready, so that nobody looks beforehand."""
    document = Document(uri="a", path="a.py", language="python", version=1, text="")
    asked = CompletionRequest(document=document, offset=0, trigger="automatic")
    bench.core._in_background(bench.core.complete(asked))  # type: ignore[arg-type]


def edited(bench: Bench) -> None:
    document = Document(uri="a", path="a.py", language="python", version=1, text="")
    assert "none here" in bench.core.editing(document).reason  # type: ignore[union-attr]


@pytest.mark.parametrize("look", [lambda bench: bench.core.recheck(), completed, edited])
def test_what_is_missing_is_looked_for_again_but_not_at_every_key(
    check: Any, monkeypatch: pytest.MonkeyPatch, look: Callable[[Bench], None]
) -> None:
    async def test(bench: Bench) -> None:
        await bench.until(lambda: bench.core.facts.phase == "error")
        assert bench.core.facts.next_step == "pull it"
        with pytest.raises(ModelError, match="none here"):
            await bench.core.wait_ready()
        n_looks = iter(range(100))
        monkeypatch.setattr(bench.core._elsewhere, "look_again", lambda: next(n_looks))
        for _ in range(50):
            bench.core.recheck()
        assert bench.n_located == 1
        assert next(n_looks) == 50  # an engine elsewhere has pauses of its own
        bench.found = located()
        bench.now_s += 10
        look(bench)
        await bench.until(lambda: bench.engines)
        bench.engines[0].become(EngineState(phase="ready", model=INFO))
        assert bench.core.facts.phase == "ready"

    async def begin_without(bench: Bench) -> None:
        # The first look was started with the model there; begin again without it.
        await bench.until(lambda: bench.engines)
        bench.found = ModelError("none here", next_step="pull it")
        bench.n_located = 0
        bench.core.reconfigure(msgspec.structs.replace(SETTINGS, threads=1))
        await bench.until(lambda: bench.core.facts.phase == "error")
        assert bench.engines[0].closed
        bench.engines.clear()
        await test(bench)

    check(begin_without)


def test_only_what_concerns_the_engine_loads_again(check: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.until(lambda: bench.engines)
        bench.core.reconfigure(msgspec.structs.replace(SETTINGS, max_lines=3))
        await bench.until(lambda: bench.n_located == 2)
        await asyncio.sleep(0.01)
        assert len(bench.engines) == 1
        bench.found = located("/m/other.gguf")
        bench.core.reconfigure(msgspec.structs.replace(SETTINGS, model="other"))
        await bench.until(lambda: len(bench.engines) == 2)
        assert bench.engines[0].closed

    check(test)


def test_a_load_that_fails_is_an_error_with_its_next_step(check: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.until(lambda: bench.engines)
        error = ModelError("It is damaged.", why="sha256", next_step="pull it again")
        bench.engines[0].become(EngineState(phase="failed", error=error))
        assert bench.core.facts.phase == "error"
        assert bench.core.facts.reason == "It is damaged. sha256"
        assert bench.core.facts.next_step == "pull it again"
        with pytest.raises(ModelError):
            await bench.core.wait_ready()

    check(test)


def test_a_model_that_cannot_fill_in_the_middle_is_named(check: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.until(lambda: bench.engines)
        unfit = msgspec.structs.replace(INFO, family="", advice="Chatty cannot fill in.")
        bench.engines[0].become(EngineState(phase="ready", model=unfit))
        assert bench.core.facts.phase == "error"
        assert bench.core.facts.reason == "Chatty cannot fill in."
        assert bench.core.facts.next_step == "indoors models list"

    check(test)


def test_a_card_left_unused_is_named_in_the_status(check: Any) -> None:
    async def test(bench: Bench) -> None:
        problem = "NVIDIA H100 is not used: the engine is a CPU build."
        assert (
            facts_of(
                EngineState(phase="ready", model=INFO),
                msgspec.structs.replace(located(), card_problem=problem),
            ).reason
            == problem
        )

    check(test)


def test_the_speed_at_load_is_in_the_facts_and_none_before(check: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.until(lambda: bench.engines)
        assert bench.core.facts.tokens_per_s is None
        fast = msgspec.structs.replace(INFO, decode_tps=38.44)
        bench.engines[0].become(EngineState(phase="ready", model=fast))
        assert bench.core.facts.tokens_per_s == 38.4

    check(test)


def test_a_dead_worker_is_a_reload_and_not_an_error(check: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.until(lambda: bench.engines)
        bench.engines[0].become(EngineState(phase="ready", model=INFO))
        died = EngineError("The engine's process ended.", why="signal 11")
        bench.engines[0].become(EngineState(phase="restarting", error=died))
        assert bench.core.facts.phase == "loading"
        assert bench.core.facts.reason == "The engine's process ended. signal 11"

    check(test)


def test_without_a_model_a_completion_is_empty(check: Any) -> None:
    async def test(bench: Bench) -> None:
        document = Document(uri="u", path="p", language="python", version=1, text="x")
        request = CompletionRequest(document=document, offset=1)
        completion = await EngineCore().complete(request)
        assert (completion.text, completion.stop_reason) == ("", "unavailable")

    check(test)


def test_what_the_worker_did_is_told_if_it_says_so(check: Any) -> None:
    async def test(bench: Bench) -> None:
        assert await EngineCore().stats() is None
        await bench.until(lambda: bench.engines)
        assert await bench.core.stats() is None
        bench.engines[0].become(EngineState(phase="ready", model=INFO))
        stats = await bench.core.stats()
        assert stats
        assert (stats.n_jobs, stats.n_cancelled) == (3, 1)
        assert bench.core.work.runs == 0

    check(test)


def test_before_a_model_there_is_nothing_to_ask_and_nothing_to_prepare(check: Any) -> None:
    async def test(bench: Bench) -> None:
        core = EngineCore()
        document = Document(uri="u", path="p", language="python", version=1, text="x")
        assert core.is_ready(CompletionRequest(document=document, offset=1))
        core.changed(document, 1, background=True)
        core.warm(document, None)
        core.forget("u")

    check(test)


# --- what is found on disk ----------------------------------------------------------------------


def test_nothing_installed_names_the_next_step(private_home: Path) -> None:
    with pytest.raises(EngineError) as missing:
        locate(SETTINGS)
    assert missing.value.next_step.startswith("indoors ")


def test_layers_are_what_the_person_said(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = msgspec.structs.replace(SETTINGS, gpu_layers=7, main_gpu=1)
    assert gpu_layers(chosen, model(), BUILD) == (7, 1)
    assert gpu_layers(SETTINGS, model(), BUILD) == (0, 0)


def test_a_card_takes_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    from indoors_server import engine_probe

    cards = (fit.Card(index=2, name="Card", total_bytes=24 * fit.GB, free_bytes=20 * fit.GB),)
    answer = type("Answer", (), {"cards": cards})
    monkeypatch.setattr(engine_probe, "probe", lambda build: answer)
    n_layers, card = gpu_layers(SETTINGS, model(), msgspec.structs.replace(BUILD, backend="cuda"))
    assert n_layers > 20
    assert card == 2


def test_a_model_larger_than_memory_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory", lambda: machine.Memory(4 * fit.GB, 2 * fit.GB))
    with pytest.raises(ModelError, match="does not fit"):
        gpu_layers(SETTINGS, model(40 * fit.GB), BUILD)


@pytest.mark.parametrize("backend", ["cuda", "vulkan"])
def test_a_card_that_only_the_system_sees_is_an_error_by_name(
    monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    """The system shows it, the engine's locked-down process does not: never silently the CPU."""
    from indoors_server import engine_probe
    from indoors_server.devices import Devices, SystemCard

    monkeypatch.setattr(engine_probe, "probe", lambda build: type("Answer", (), {"cards": ()}))
    build = msgspec.structs.replace(BUILD, backend=backend)
    seen = Devices(cards=(SystemCard(vendor="NVIDIA", name="NVIDIA H100", backend=backend),))
    with pytest.raises(EngineError, match="NVIDIA H100 is not found under the lock-down"):
        gpu_layers(SETTINGS, model(), build, seen)
    for others in (Devices(), msgspec.structs.replace(seen.cards[0], backend="metal")):
        found = others if isinstance(others, Devices) else Devices(cards=(others,))
        assert gpu_layers(SETTINGS, model(), build, found)[0] == 0


def test_a_model_that_the_policy_forbids_is_not_loaded(
    private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indoors_server import engine_store, model_store
    from indoors_server import located as module
    from indoors_server.policies import Policies
    from indoors_server.policy.decision import merge
    from indoors_server.policy.layers import from_value

    def policies(**keys: object) -> Policies:
        layer = from_value("user", "policy.json", keys)
        found = Policies(lambda _folder, _editor: merge([layer]))
        found.read([], None)
        return found

    unknown = msgspec.structs.replace(model(), entry=None, verified=False)
    monkeypatch.setattr(engine_store, "require", lambda: BUILD)
    monkeypatch.setattr(model_store, "locate", lambda _name: private_home)
    monkeypatch.setattr(model_store, "resolve_path", lambda _path, _report: unknown)
    for keys in ({"strict": True}, {"allow_unverified_models": False}):
        with pytest.raises(ModelError, match="policy does not allow"):
            module.locate(SETTINGS, policies=policies(**keys))
    assert module.locate(SETTINGS, policies=policies()).model == unknown
