import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from indoors_completion.types import EngineError
from indoors_server import engine_probe, engine_store, landlock
from indoors_server.ask_child import Spawn
from indoors_server.engine_probe import EngineDevice, Probe
from indoors_server.engine_store import EngineBuild
from support.needs import need


def build(directory: Path) -> EngineBuild:
    return EngineBuild(
        directory=str(directory), version="0.3.36", backend="cpu", cpu_key="a", matches_cpu=True
    )


def child(code: str) -> Spawn:
    """A spawn function that runs `code` instead of the probe."""

    def spawn(*arguments: str, stderr: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", "-c", code]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=stderr)

    return spawn


def test_death_by_an_illegal_instruction_is_named_with_the_rebuild(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGILL)"
    with pytest.raises(EngineError, match="built for another CPU") as caught:
        engine_probe.probe(build(tmp_path), child(code))
    assert "SIGILL" in caught.value.why
    assert caught.value.next_step == "indoors engine install --rebuild"


def test_features_that_this_cpu_lacks_are_named_before_they_kill(tmp_path: Path) -> None:
    code = """print('{"offload": false, "devices": [], "missing": ["avx512f"]}')"""
    with pytest.raises(EngineError, match="another CPU") as caught:
        engine_probe.probe(build(tmp_path), child(code))
    assert "avx512f" in caught.value.why


def test_another_death_carries_the_last_thing_it_said(tmp_path: Path) -> None:
    code = "import sys; sys.exit('libcudart.so.13: cannot open shared object file')"
    with pytest.raises(EngineError, match="exit status 1") as caught:
        engine_probe.probe(build(tmp_path), child(code))
    assert "libcudart.so.13" in caught.value.why


def test_a_build_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_probe, "_PROBE_SECONDS", 0.2)
    with pytest.raises(EngineError, match="did not start"):
        engine_probe.probe(build(tmp_path), child("import time; time.sleep(600)"))


def test_an_answer_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be read"):
        engine_probe.probe(build(tmp_path), child("print('hello')"))


def test_cards_are_numbered_as_llama_cpp_counts_them() -> None:
    def device(name: str, kind: str) -> EngineDevice:
        return EngineDevice(name=name, description=name, kind=kind, total_bytes=2, free_bytes=1)

    both = (device("CUDA0", "gpu"), device("CPU", "cpu"), device("V", "igpu"), device("C1", "gpu"))
    cards = Probe(offload=True, devices=both).cards
    assert [(card.index, card.name) for card in cards] == [(0, "CUDA0"), (1, "C1")]
    cards = Probe(offload=True, devices=both[1:3]).cards
    assert [card.name for card in cards] == ["V"]


@pytest.mark.model
def test_the_real_engine_names_its_devices() -> None:
    found = engine_probe.probe(engine_store.require())
    assert found.missing == ()
    assert "cpu" in {device.kind for device in found.devices}
    assert found.ggml_version


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux")
@pytest.mark.parametrize("place", ["inside", "outside"])
def test_a_library_that_the_worker_could_not_open_fails_the_probe(
    private_home: Path, tmp_path: Path, place: str
) -> None:
    """A toolkit in a home would otherwise pass it, and no model would load."""
    need(landlock.version(), "this kernel has no Landlock")
    library = tmp_path / "engine/llama_cpp/lib" / engine_probe._LIBRARY
    library.parent.mkdir(parents=True)
    real = library if place == "inside" else tmp_path / "toolkit.so"
    shutil.copy(msgspec._core.__file__, real)  # a shared object, and no engine
    if real != library:
        library.symlink_to(real)
    with pytest.raises(EngineError) as failed:
        engine_probe.probe(build(tmp_path / "engine"))
    expected = "undefined symbol: llama_backend_init" if place == "inside" else "Permission denied"
    assert expected in str(failed.value)


def test_a_library_is_looked_for_as_a_worker_would(private_home: Path, tmp_path: Path) -> None:
    assert engine_probe.can_load(["libc.so.6"])
    assert not engine_probe.can_load(["libc.so.6", "libindoors-has-none.so.1"])


class Compiled:
    """A libggml that was compiled with AVX-512."""

    def __getattr__(self, name: str) -> object:
        if name in ("ggml_cpu_has_avx2", "ggml_cpu_has_avx512", "ggml_cpu_has_amx_int8"):
            return lambda: int(name != "ggml_cpu_has_amx_int8")
        raise AttributeError(name)


def test_what_was_compiled_in_is_compared_with_the_cpu() -> None:
    missing = engine_probe._missing
    assert missing(Compiled(), ("avx", "avx2")) == ("avx512f",)  # type: ignore[arg-type]
    assert missing(Compiled(), ("avx2", "avx512f")) == ()  # type: ignore[arg-type]
    assert missing(Compiled(), ()) == (), "nothing is known, so nothing is held against it"
