"""`indoors setup` on this machine, in a home of its own that borrows the engine and the model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from indoors_completion import catalog
from indoors_completion.types import Completion, InputError, ModelInfo, Span
from indoors_server import engine_store, fit, machine, model_choice, model_store, paths
from indoors_server.cli import setup
from indoors_server.engine_store import EngineBuild
from indoors_server.fit import GB, Card

REAL_ENGINES, REAL_MODELS = paths.engines_dir(), paths.models_dir()


def build(backend: str) -> EngineBuild:
    return EngineBuild(
        directory="/x", version="0.3.36", backend=backend, cpu_key="a", matches_cpu=True
    )


def card(free: float) -> Card:
    return Card(index=0, name="NVIDIA RTX 4070", total_bytes=int(free), free_bytes=int(free))


def test_on_a_cpu_the_smallest_model_is_taken_with_the_reason() -> None:
    entry, reason = setup.pick(build("cpu"), ())
    assert entry == catalog.default()
    assert "on a CPU" in reason


@pytest.mark.parametrize("free", [4 * GB, 8 * GB, 12 * GB, 24 * GB, 80 * GB])
def test_on_a_card_the_largest_that_fits_whole_is_taken(free: int) -> None:
    entry, reason = setup.pick(build("cuda"), (card(free),))
    plan = fit.plan(fit.estimate_shape(entry.bytes), (card(free),), 0)
    assert plan.n_gpu_layers == fit.estimate_shape(entry.bytes).n_layers + 1
    assert entry.fills_in_the_middle
    assert not entry.is_restricted
    assert entry.sha256
    assert "to spare" in reason
    larger = [e for e in catalog.load() if e.parameters > entry.parameters]
    for other in larger:
        takeable = other.fills_in_the_middle and not other.is_restricted and other.sha256
        assert not takeable or other.bytes > fit.largest_file(free), other.name


def test_on_a_full_card_the_smallest_is_taken_and_the_card_is_named() -> None:
    entry, reason = setup.pick(build("cuda"), (card(1.2 * GB),))
    assert entry == catalog.default()
    assert "NVIDIA RTX 4070" in reason
    assert "1.2 GB is free" in reason


def test_a_restricted_model_is_not_pulled_without_its_licence_being_read(
    private_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = next(entry for entry in catalog.load() if entry.is_restricted and entry.bytes)
    with pytest.raises(InputError) as caught:
        setup._model_step(entry.name, True, build("cpu"), ())
    assert "--accept-licence" in caught.value.next_step
    assert caught.value.why == entry.licence_reason
    assert entry.licence in capsys.readouterr().out


def test_a_model_larger_than_memory_is_refused_before_the_download(
    private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "memory", lambda: machine.Memory(4 * GB, 3 * GB))
    with pytest.raises(model_store.ModelError, match="more memory"):
        setup._model_step("qwen2.5-coder-7b-instruct", True, build("cpu"), ())


def test_the_speed_is_said_in_words() -> None:
    completion = Completion(id="a", text="x", span=Span(0, 0), source="model", total_ms=61.4)
    model = ModelInfo(
        key="k", name="m", family="f", architecture="a", instruct=False, n_params=1, size_bytes=1,
        n_ctx=1, n_ctx_train=1, n_layers=1, n_gpu_layers=0, device="CPU", can_shift=True,
        prefill_tps=2140.2, decode_tps=74.4,
    )  # fmt: skip
    text = "2,140 tokens/s prompt · 74 tokens/s answer · this line in 61 ms"
    assert setup.speed(completion, model) == text
    assert setup.speed(completion, None) == "this line in 61 ms"


@pytest.fixture
def borrowed(private_home: Path) -> Path:
    """A home whose cache links to this machine's engine and default model."""
    real = engine_store.require(REAL_ENGINES)
    engines = paths.engines_dir()
    engines.mkdir(parents=True)
    if real.directory:
        (engines / Path(real.directory).name).symlink_to(real.directory)
    paths.models_dir().mkdir(parents=True)
    name = catalog.default().file
    (paths.models_dir() / name).symlink_to(REAL_MODELS / name)
    return private_home


def indoors(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    return subprocess.run(
        [sys.executable, "-I", "-m", "indoors_server", *arguments],
        env={**kept, "HOME": str(home)}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, cwd=home, timeout=300,
    )  # fmt: skip


@pytest.mark.model
def test_setup_ends_in_a_completion_and_the_second_time_is_ticks(borrowed: Path) -> None:
    first = indoors(borrowed, "setup", "--cpu")
    assert first.returncode == 0, first.stderr
    for word in ("Engine", "qwen2.5-coder-0.5b-instruct", "Apache-2.0", "491 MB", "Check", "Lock"):
        assert word in first.stdout
    assert "sha256 matches the publisher's file" in first.stdout
    # The model's own text: it differs from build to build, but it is about n.
    completed = next(line for line in first.stdout.splitlines() if "return " in line)
    assert "n" in completed.split("return ", 1)[1]
    assert f'"{sys.executable}", "-I", "-m", "indoors_server", "serve"' in first.stdout
    second = indoors(borrowed, "setup", "--cpu", "--no-editor-lines")
    assert second.returncode == 0, second.stderr
    assert "installed before" in second.stdout
    assert "chosen before" in second.stdout
    assert "Neovim" not in second.stdout


@pytest.mark.model
def test_a_model_file_of_ones_own_is_set_up_by_its_path(borrowed: Path) -> None:
    mine = borrowed / "mine.gguf"
    mine.symlink_to(REAL_MODELS / catalog.default().file)
    done = indoors(borrowed, "setup", "--cpu", "--no-editor-lines", "--model", str(mine))
    assert done.returncode == 0, done.stderr
    assert model_choice.recorded() == str(mine)


@pytest.mark.model
def test_engine_show_names_the_build_and_its_devices(borrowed: Path) -> None:
    done = indoors(borrowed, "engine", "show")
    assert done.returncode == 0, done.stderr
    assert "* llama.cpp" in done.stdout
    assert "cpu " in done.stdout
