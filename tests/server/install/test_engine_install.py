"""Which way to an engine is taken, on made-up machines with a script for pip and a real probe.

The wheels that the script hands over are made of the engine that is installed here, so what is
unpacked is really loaded by a child process before it is selected.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from indoors_completion.types import EngineError, InputError
from indoors_server import (
    devices,
    downloader,
    engine_build,
    engine_install,
    engine_probe,
    engine_store,
    machine,
    paths,
    toolchain,
)
from indoors_server.devices import Devices, SystemCard
from indoors_server.downloader import Downloader
from indoors_server.engine_probe import EngineDevice, Probe
from support import fake_engine_wheel
from support.fake_engine_wheel import Notes, calls, fake_pip

CPU_ONLY = Devices()
RTX = SystemCard(vendor="NVIDIA", name="NVIDIA RTX 4070", backend="cuda", compute="89")
WITH_CARD = Devices(cards=(RTX,), cuda=(13, 0))

# pip for a machine whose index has no prebuilt engine and whose compiler works.
BUILDS = """
if verb == "download":
    sys.exit("ERROR: No matching distribution found")
if verb == "install":
    after("--target").mkdir()
if verb == "wheel":
    assert os.environ["PYTHONPATH"].endswith("tools"), os.environ["PYTHONPATH"]
    (pathlib.Path(__file__).parent / "cmake-args").write_text(os.environ["CMAKE_ARGS"])
    print("  [1/3] /usr/bin/c++ -O3 -c /src/ggml.cpp -o ggml.o")
    print("  [3/3] linking")
    after("--wheel-dir").mkdir()
    wheel = pathlib.Path(__file__).parent / "made.whl"
    shutil.copy(wheel, after("--wheel-dir") / "{name}")
"""
FAILS = """
if verb == "download":
    sys.exit("ERROR: No matching distribution found")
if verb == "install":
    after("--target").mkdir()
if verb == "wheel":
    print("  /src/ggml.cpp:10:2: error: this does not compile")
    sys.exit("ERROR: Failed building wheel for llama-cpp-python")
"""


@pytest.fixture
def pip(private_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Downloader:
    """A pip that builds; the store is empty and site-packages hold no engine."""
    monkeypatch.setattr(engine_store, "site_packages", lambda: None)
    made = fake_pip(tmp_path / "pip", BUILDS.replace("{name}", fake_engine_wheel.NAME))
    monkeypatch.setattr(downloader, "find", lambda **_: made)
    monkeypatch.setattr(toolchain, "system_nvcc", lambda: None)
    return made


@pytest.fixture
def real_wheel(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """`made.whl` beside the script: the real engine of this machine, as a wheel."""
    wheel = fake_engine_wheel.of_the_real_engine(tmp_path / "real")
    place = tmp_path / "pip" / "made.whl"
    place.parent.mkdir(exist_ok=True)
    shutil.copy(wheel, place)
    request.getfixturevalue("pip")  # only now: the real store is needed until here
    return place


@pytest.fixture
def runs(pip: Downloader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wheels with made-up libraries, and a probe that believes them."""

    def probe(build: engine_store.EngineBuild) -> Probe:
        kind = "cpu" if build.backend == "cpu" else "gpu"
        device = EngineDevice(name=kind, description=kind, kind=kind, total_bytes=1, free_bytes=1)
        return Probe(offload=kind == "gpu", devices=(device,))

    monkeypatch.setattr(engine_probe, "probe", probe)


def put_wheel(pip: Downloader, backend: str = "cpu") -> None:
    wheel = fake_engine_wheel.make(Path(pip.command[-1]).parent / "w", backend=backend)
    shutil.copy(wheel, Path(pip.command[-1]).parent / "made.whl")


@pytest.mark.model
def test_a_built_engine_is_loaded_by_a_child_and_then_selected(
    real_wheel: Path, pip: Downloader
) -> None:
    notes = Notes()
    build = engine_install.install(notes, found=CPU_ONLY)
    assert (build.backend, build.cpu_key) == ("cpu", machine.cpu_key())
    assert engine_store.find() == build
    assert ("compiling llama.cpp (cpu)", 1, 3, "ggml.cpp") in notes.steps
    assert build.sha256 == engine_store.file_sha256(real_wheel)
    assert list((paths.cache_dir() / "build").iterdir()) == [], "scratch is removed"
    assert any("--require-hashes" in call and "wheel" in call for call in calls(pip))


@pytest.mark.model
def test_the_second_time_nothing_is_done(real_wheel: Path, pip: Downloader) -> None:
    first = engine_install.install(Notes(), found=CPU_ONLY)
    before = calls(pip)
    notes = Notes()
    assert engine_install.install(notes, found=CPU_ONLY) == first
    assert calls(pip) == before
    assert notes.notes == []


@pytest.mark.model
def test_a_lost_directory_is_unpacked_again_from_the_kept_wheel(
    real_wheel: Path, pip: Downloader
) -> None:
    first = engine_install.install(Notes(), found=CPU_ONLY)
    shutil.rmtree(first.directory)
    before = calls(pip)
    assert engine_install.install(Notes(), found=CPU_ONLY).directory == first.directory
    assert calls(pip) == before, "no download and no build"


@pytest.mark.model
def test_a_wheel_of_the_users_is_installed(real_wheel: Path, tmp_path: Path) -> None:
    wheel = tmp_path / fake_engine_wheel.NAME
    shutil.copy(real_wheel, wheel)
    build = engine_install.install_wheel(wheel, Notes())
    assert (build.source, build.cpu_key, build.matches_cpu) == ("file", "any", True)
    assert engine_store.choice() == "cpu"


def test_a_wheel_that_does_not_load_is_not_selected(pip: Downloader, tmp_path: Path) -> None:
    wheel = fake_engine_wheel.make(tmp_path / "w")
    with pytest.raises(EngineError, match="does not start"):
        engine_install.install_wheel(wheel, Notes())
    assert engine_store.find() is None
    assert list((paths.cache_dir() / "wheels").iterdir()) == []


def test_a_file_that_is_no_wheel_is_refused(pip: Downloader, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        engine_install.install_wheel(tmp_path / "absent.whl", Notes())
    text = tmp_path / "text.whl"
    text.write_text("hello")
    with pytest.raises(EngineError, match="damaged"):
        engine_install.install_wheel(text, Notes())


def test_a_kept_wheel_that_changed_on_disk_is_not_used(pip: Downloader, runs: None) -> None:
    put_wheel(pip)
    build = engine_install.install(Notes(), found=CPU_ONLY)
    kept = engine_build.cached("0.3.36", "cpu", machine.cpu_key())
    assert kept is not None
    kept[0].write_bytes(kept[0].read_bytes() + b"x")
    assert engine_build.cached("0.3.36", "cpu", machine.cpu_key()) is None
    assert build.sha256 == kept[1].sha256


def test_a_card_is_never_answered_with_a_cpu_engine(pip: Downloader, runs: None) -> None:
    """The index has only a CPU wheel and nothing compiles: the user is told, and asked."""
    script = Path(pip.command[-1])
    script.write_text(script.read_text().replace('if verb == "download":', "if False:"))
    put_wheel(pip)
    with script.open("a") as stream:
        stream.write(
            "\nif verb == 'download':\n"
            "    made = pathlib.Path(__file__).parent / 'made.whl'\n"
            f"    shutil.copy(made, after('--dest') / '{fake_engine_wheel.NAME}')\n"
        )
    old = Devices(cards=(RTX,), cuda=(12, 4))
    with pytest.raises(engine_install.NoCardEngine, match="RTX 4070") as caught:
        engine_install.install(Notes(), found=old)
    assert "the one in your index is for cpu" in caught.value.why
    assert "driver serves CUDA 12.4" in caught.value.why
    assert caught.value.next_step.startswith("indoors engine install --cpu")
    assert engine_store.find() is None


def test_the_cpu_is_taken_once_the_user_agreed_and_not_asked_about_again(
    pip: Downloader, runs: None
) -> None:
    put_wheel(pip)
    asked: list[EngineError] = []

    def agree(error: EngineError) -> bool:
        asked.append(error)
        return True

    old = Devices(cards=(RTX,), cuda=(12, 4))
    build = engine_install.install(Notes(), found=old, confirm_cpu=agree)
    assert build.backend == "cpu"
    assert len(asked) == 1
    assert engine_store.choice() == "cpu"
    assert engine_install.install(Notes(), found=old, confirm_cpu=agree) == build
    assert len(asked) == 1


def test_a_cpu_engine_does_not_suit_a_machine_that_got_a_card(pip: Downloader, runs: None) -> None:
    put_wheel(pip)
    engine_install.install(Notes(), found=CPU_ONLY)
    assert engine_install.is_satisfied(CPU_ONLY)
    assert not engine_install.is_satisfied(WITH_CARD)
    engine_install.install(Notes(), found=WITH_CARD, backend="cpu")
    assert engine_install.is_satisfied(WITH_CARD)


def test_a_card_that_cannot_be_used_now_is_named(pip: Downloader, runs: None) -> None:
    put_wheel(pip)
    broken = SystemCard(
        vendor="NVIDIA", name="NVIDIA L4", backend="cuda", problem="no driver", next_step="install"
    )
    notes = Notes()
    build = engine_install.install(notes, found=Devices(cards=(broken,)))
    assert build.backend == "cpu"
    assert any("NVIDIA L4 is not used: no driver" in note for note in notes.notes)


def test_cuda_is_built_with_the_toolkit_of_the_index(
    pip: Downloader, runs: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toolkit = tmp_path / "toolkit"
    for name in ("bin/nvcc", "lib/libcudart.so.13", "lib/libcublas.so.13"):
        (toolkit / name).parent.mkdir(parents=True, exist_ok=True)
        (toolkit / name).write_bytes(b"a library")
    monkeypatch.setattr(toolchain, "unpack_cuda", lambda *_: toolkit)
    put_wheel(pip, "cuda")
    build = engine_install.install(Notes(), found=WITH_CARD)
    assert (build.backend, build.source) == ("cuda", "source, CUDA from the package index")
    used = (Path(pip.command[-1]).parent / "cmake-args").read_text()
    assert "-DGGML_CUDA=ON" in used
    assert "-DCMAKE_CUDA_ARCHITECTURES=89-real" in used
    assert "-DGGML_CUDA_NCCL=OFF" in used, "it would bring a library that has a network"
    assert f"-DCMAKE_CUDA_COMPILER={toolkit}/bin/nvcc" in used
    libraries = {path.name for path in (Path(build.directory) / "llama_cpp/lib").iterdir()}
    assert {"libcudart.so.13", "libcublas.so.13"} <= libraries, "the toolkit does not stay"


def test_a_card_engine_that_sees_no_card_is_not_selected(
    pip: Downloader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_probe, "probe", lambda _: Probe(offload=True, devices=()))
    wheel = fake_engine_wheel.make(tmp_path / "w", backend="vulkan")
    with pytest.raises(EngineError, match="sees no card"):
        engine_install.install_wheel(wheel, Notes())
    assert engine_store.find() is None


def test_a_build_without_the_part_for_the_card_is_not_kept(
    pip: Downloader, runs: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CMake may leave a backend out with a warning; the wheel is looked into."""
    nvcc = tmp_path / "usr/bin/nvcc"
    monkeypatch.setattr(toolchain, "system_nvcc", lambda: nvcc)
    put_wheel(pip, "cpu")
    with pytest.raises(engine_install.NoCardEngine) as caught:
        engine_install.install(Notes(), found=Devices(cards=(RTX,), cuda=(12, 4)))
    assert "has no cuda part" in caught.value.why
    assert engine_store.find() is None


@pytest.mark.parametrize("found_by_name", [True, False])
def test_libraries_of_a_toolkit_that_a_worker_does_not_find_come_with_the_engine(
    pip: Downloader,
    runs: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    found_by_name: bool,
) -> None:
    """The build's own search path is its folder; an installed toolkit may be known to no loader."""
    nvcc = tmp_path / "cuda/bin/nvcc"
    for name in ("libcudart.so.13", "libcudart.so.13.0.96", "libcublas.so.13", "libcublasLt.so.13"):
        library = tmp_path / "cuda/lib64" / name
        library.parent.mkdir(parents=True, exist_ok=True)
        library.write_text(name)
    asked: list[tuple[str, ...]] = []

    def can_load(names: list[str]) -> bool:
        asked.append(tuple(names))
        return found_by_name

    monkeypatch.setattr(toolchain, "system_nvcc", lambda: nvcc)
    monkeypatch.setattr(engine_probe, "can_load", can_load)
    put_wheel(pip, "cuda")
    build = engine_install.install(Notes(), found=Devices(cards=(RTX,), cuda=(12, 4)))
    assert asked == [("libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13")]
    there = (Path(build.directory) / "llama_cpp/lib/libcublasLt.so.13").is_file()
    assert there == (not found_by_name)


def test_a_build_that_fails_names_the_compilers_error_and_the_log(
    pip: Downloader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloader, "find", lambda **_: fake_pip(tmp_path / "bad", FAILS))
    with pytest.raises(EngineError) as caught:
        engine_install.install(Notes(), found=CPU_ONLY)
    assert "this does not compile" in caught.value.why
    log = engine_build.log_path()
    assert str(log) in caught.value.next_step
    assert "this does not compile" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert list((paths.cache_dir() / "build").iterdir()) == []


def test_without_a_compiler_the_command_that_installs_one_is_given(
    pip: Downloader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        toolchain, "compiler", lambda: _real_compiler(lambda name: "/usr/bin/apt" * (name == "apt"))
    )
    with pytest.raises(EngineError, match=r"No C\+\+ compiler") as caught:
        engine_install.install(Notes(), found=CPU_ONLY)
    assert caught.value.next_step == "apt install g++"


_real_compiler = toolchain.compiler

BUILD_IN_A_CHILD = """
import sys
from pathlib import Path
from indoors_server import downloader, engine_install, engine_store
from indoors_server.devices import Devices
from support.fake_engine_wheel import Notes
script = Path(sys.argv[1])
downloader.find = lambda **_: downloader.Downloader("slow", (sys.executable, "-I", str(script)))
engine_store.site_packages = lambda: None
engine_install.install(Notes(), found=Devices())
"""


def test_a_killed_installation_leaves_no_engine_and_blocks_nobody(
    pip: Downloader, runs: None, tmp_path: Path
) -> None:
    slow = BUILDS.replace("{name}", fake_engine_wheel.NAME).replace(
        'print("  [3/3] linking")',
        '(pathlib.Path(__file__).parent / "compiling").touch()\n    import time; time.sleep(600)',
    )
    stuck = fake_pip(tmp_path / "slow", slow)
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n{BUILD_IN_A_CHILD}"
    child = subprocess.Popen(
        [sys.executable, "-c", code, stuck.command[-1]], start_new_session=True
    )
    try:
        for _ in range(6000):
            if (tmp_path / "slow/compiling").exists():
                break
            assert child.poll() is None
            signal.sigtimedwait([], 0.01)
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    assert engine_store.find() is None
    put_wheel(pip)
    notes = Notes()
    assert engine_install.install(notes, found=CPU_ONLY).matches_cpu
    assert not any("waiting" in note for note in notes.notes)


def test_a_second_installation_waits_and_finds_the_work_done(
    pip: Downloader, runs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While this one waits for the lock, the other one finishes."""
    put_wheel(pip)
    other = engine_install.install(Notes(), found=CPU_ONLY)
    before = calls(pip)
    current = paths.engines_dir() / "current.json"
    hidden = Path(other.directory).with_name("hidden")
    Path(other.directory).rename(hidden)
    real = engine_install._exclusively

    def finishing(report: Notes) -> object:
        hidden.rename(other.directory)
        return real(report)

    monkeypatch.setattr(engine_install, "_exclusively", finishing)
    assert engine_install.install(Notes(), found=CPU_ONLY) == other
    assert calls(pip) == before
    assert current.exists()


@pytest.mark.parametrize("backend", ["cuda", "vulkan", "metal", "cpu"])
def test_a_wheels_backend_is_read_from_its_libraries(tmp_path: Path, backend: str) -> None:
    assert engine_build.wheel_backend(fake_engine_wheel.make(tmp_path, backend=backend)) == backend


def test_what_ninja_says_is_understood() -> None:
    line = "  [12/83] /usr/bin/c++ -DX=1 -O3 -o a.o -c /tmp/x/ggml-cpu/ops.cpp"
    assert engine_build.step_of(line) == (12, 83, "ops.cpp")
    assert engine_build.step_of("[83/83] Linking CXX shared library") == (83, 83, "Linking CXX")
    assert engine_build.step_of("  Running command: ninja [1]") is None


def test_every_lock_pins_hashes_and_names_no_index() -> None:
    for lock in sorted(toolchain.LOCKS.glob("*.lock")):
        lines = lock.read_text(encoding="utf-8").splitlines()
        pins = [line for line in lines if "==" in line]
        assert pins, lock
        for number, line in enumerate(lines):
            if "==" in line:
                assert "--hash=sha256:" in lines[number + 1], line
        assert not any("://" in line or line.startswith("-") for line in lines), lock


def test_cuda_wheels_are_unpacked_into_one_toolkit(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with zipfile.ZipFile(source / "nvidia_cuda_nvcc-13-py3-none-any.whl", "w") as archive:
        archive.writestr("nvidia/cu13/bin/nvcc", "#!/bin/sh\n")
    with zipfile.ZipFile(source / "nvidia_cublas-13-py3-none-any.whl", "w") as archive:
        archive.writestr("nvidia/cu13/lib/libcublas.so.13", "library")
    script = (
        f"for w in pathlib.Path({str(source)!r}).iterdir():\n    shutil.copy(w, after('--dest'))"
    )
    pip = fake_pip(tmp_path / "pip", script)
    root = toolchain.unpack_cuda(tmp_path / "into", pip)
    assert os.access(root / "bin/nvcc", os.X_OK)
    assert (root / "lib/libcublas.so").read_text() == "library"
    assert toolchain.runtime_libraries(root) == [root / "lib/libcublas.so.13"]
    toolchain.unpack_cuda(tmp_path / "into", pip)
    assert len(calls(pip)) == 1, "a complete toolkit is used again"


@pytest.mark.parametrize(
    ("cuda", "computes", "word"),
    [
        ((13, 0), ("89",), ""),
        ((13, 2), ("75", "120"), ""),
        ((12, 8), ("89",), "driver serves CUDA 12.8"),
        ((13, 0), ("61", "89"), "6.1"),
    ],
)
def test_when_the_indexs_toolkit_serves(
    cuda: tuple[int, int], computes: tuple[str, ...], word: str
) -> None:
    refusal = toolchain.wheels_serve(cuda, computes, "linux")
    assert word in refusal
    assert bool(refusal) == bool(word)


def test_an_installed_toolkit_is_found_where_it_usually_is(tmp_path: Path) -> None:
    assert toolchain.system_nvcc(lambda _: None, {}, tmp_path) is None
    usual = tmp_path / "usr/local/cuda/bin/nvcc"
    usual.parent.mkdir(parents=True)
    usual.touch()
    assert toolchain.system_nvcc(lambda _: None, {}, tmp_path) == usual
    named = tmp_path / "cuda-13/bin/nvcc"
    named.parent.mkdir(parents=True)
    named.touch()
    variables = {"CUDA_HOME": str(tmp_path / "cuda-13")}
    assert toolchain.system_nvcc(lambda _: str(usual), variables, tmp_path) == named


def test_devices_are_looked_for_where_none_are_given(
    pip: Downloader, runs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "find", lambda: CPU_ONLY)
    put_wheel(pip)
    assert engine_install.install(Notes()).backend == "cpu"


def test_a_toolkit_without_the_drivers_stub_is_linked_without_the_driver(
    pip: Downloader, runs: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CMake would stop at the missing libcuda.so, and a card would get no engine."""
    nvcc = tmp_path / "cuda/bin/nvcc"
    monkeypatch.setattr(toolchain, "system_nvcc", lambda: nvcc)
    monkeypatch.setattr(toolchain, "has_driver_stub", lambda found: found != nvcc)
    put_wheel(pip, "cuda")
    engine_install.install(Notes(), found=Devices(cards=(RTX,), cuda=(12, 4)))
    used = (tmp_path / "pip/cmake-args").read_text().split()
    assert "-DGGML_CUDA_NO_VMM=ON" in used
    monkeypatch.setattr(toolchain, "has_driver_stub", lambda found: found == nvcc)
    engine_install.install(Notes(), found=Devices(cards=(RTX,), cuda=(12, 4)), rebuild=True)
    used = (tmp_path / "pip/cmake-args").read_text().split()
    assert f"-DCMAKE_CUDA_COMPILER={nvcc}" in used
    assert "-DGGML_CUDA_NO_VMM=ON" not in used


@pytest.mark.parametrize(
    "place",
    [
        "cuda/lib64/stubs",
        "cuda/targets/x86_64-linux/lib/stubs",
        "usr/lib/x86_64-linux-gnu/stubs",
        "usr/lib64",
    ],
)
def test_a_stub_is_found_where_toolkits_and_distributions_have_it(
    tmp_path: Path, place: str
) -> None:
    nvcc = tmp_path / "cuda/bin/nvcc"
    assert not toolchain.has_driver_stub(nvcc, tmp_path)
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "libcuda.so").touch()
    assert toolchain.has_driver_stub(nvcc, tmp_path)
