import sys
import zipfile
from pathlib import Path

import pytest

from indoors_completion.types import EngineError
from indoors_server import engine_store
from support import fake_engine_wheel
from support.fake_engine_wheel import record

pytestmark = pytest.mark.usefixtures("private_home")


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store on a machine whose site-packages hold no engine."""
    monkeypatch.setattr(engine_store, "site_packages", lambda: None)
    return tmp_path / "engines"


def add(engines: Path, cpu: str, *, backend: str = "cpu", built_at: str = "") -> Path:
    wheel = fake_engine_wheel.make(engines.parent / "wheel", backend=backend)
    return engine_store.unpack(wheel, record(backend, cpu, built_at), engines)


def test_an_empty_store_has_no_engine(engines: Path) -> None:
    assert engine_store.find(engines, "a") is None
    with pytest.raises(EngineError, match="not installed") as caught:
        engine_store.require(engines, "a")
    assert caught.value.next_step == "indoors engine install"


def test_a_build_for_this_cpu_is_found(engines: Path) -> None:
    place = add(engines, "a")
    found = engine_store.find(engines, "a")
    assert found is not None
    assert (found.directory, found.matches_cpu, found.backend) == (str(place), True, "cpu")
    assert place.name == "llama-cpp-python-0.3.36-cpu-a"


def test_a_build_for_another_cpu_is_never_used_silently(engines: Path) -> None:
    add(engines, "b")
    found = engine_store.find(engines, "a")
    assert found is not None
    assert not found.matches_cpu
    with pytest.raises(EngineError, match="another CPU") as caught:
        engine_store.require(engines, "a")
    assert caught.value.next_step == "indoors engine install --rebuild"


def test_this_cpus_build_goes_before_a_newer_one_of_another(engines: Path) -> None:
    mine = add(engines, "a", built_at="2026-01-01T00:00:00Z")
    add(engines, "b", built_at="2026-02-01T00:00:00Z")
    found = engine_store.find(engines, "a")
    assert found is not None
    assert found.directory == str(mine)


def test_the_selected_build_goes_before_a_newer_one(engines: Path) -> None:
    old = add(engines, "a", built_at="2026-01-01T00:00:00Z")
    new = add(engines, "a", backend="cuda", built_at="2026-02-01T00:00:00Z")
    found = engine_store.find(engines, "a")
    assert found is not None
    assert found.directory == str(new)
    engine_store.select(old, engines, "a")
    found = engine_store.find(engines, "a")
    assert found is not None
    assert found.directory == str(old)


def test_machines_that_share_a_home_select_each_their_own(engines: Path) -> None:
    one, two = add(engines, "any"), add(engines, "any", backend="cuda")
    engine_store.select(one, engines, "a")
    engine_store.select(two, engines, "b")
    for cpu, place in (("a", one), ("b", two)):
        found = engine_store.find(engines, cpu)
        assert found is not None
        assert found.directory == str(place)


@pytest.mark.parametrize("damage", ["", "{", '{"version": 3}', "\x00\xff"])
def test_a_directory_without_a_readable_record_is_no_engine(engines: Path, damage: str) -> None:
    place = add(engines, "a")
    (place / "engine.json").write_text(damage, encoding="latin-1")
    assert engine_store.find(engines, "a") is None


@pytest.mark.parametrize("damage", ["", "[]", '{"a": 1}'])
def test_a_damaged_selection_is_ignored(engines: Path, damage: str) -> None:
    add(engines, "a")
    (engines / "current.json").write_text(damage)
    (engines / "choice.json").write_text(damage)
    assert engine_store.find(engines, "a") is not None
    assert engine_store.choice(engines, "a") == ""


def test_the_choice_is_kept_for_each_machine(engines: Path) -> None:
    engine_store.remember_choice("cpu", engines, "a")
    assert engine_store.choice(engines, "a") == "cpu"
    assert engine_store.choice(engines, "b") == ""


def test_only_the_package_is_unpacked_and_twins_are_linked(engines: Path) -> None:
    place = add(engines, "a")
    assert not (place / "lib").exists()
    assert not (place / "llama_cpp/server").exists()
    libraries = place / "llama_cpp/lib"
    assert (libraries / "libllama.so.0").is_symlink()
    assert (libraries / "libllama.so.0").read_bytes() == (libraries / "libllama.so").read_bytes()
    assert not (libraries / "libggml-cpu.so").is_symlink()


def test_unpacking_again_replaces_and_leaves_nothing_beside(engines: Path) -> None:
    first = add(engines, "a")
    (first / "stray").write_text("")
    second = add(engines, "a")
    assert first == second
    assert not (second / "stray").exists()
    assert [path.name for path in engines.iterdir()] == [second.name]


def test_a_wheel_of_something_else_is_refused(engines: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "other-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("other/__init__.py", "")
    with pytest.raises(EngineError, match="not llama-cpp-python"):
        engine_store.unpack(wheel, record(), engines)
    assert list(engines.iterdir()) == []


def test_a_truncated_wheel_leaves_nothing(engines: Path, tmp_path: Path) -> None:
    whole = fake_engine_wheel.make(tmp_path / "w").read_bytes()
    broken = tmp_path / fake_engine_wheel.NAME
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EngineError, match="damaged"):
        engine_store.unpack(broken, record(), engines)
    assert list(engines.iterdir()) == []


def test_names_that_climb_out_stay_inside(engines: Path, tmp_path: Path) -> None:
    wheel = tmp_path / fake_engine_wheel.NAME
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("llama_cpp/llama_cpp.py", "")
        archive.writestr("llama_cpp/../../../../evil.py", "")
    engine_store.unpack(wheel, record(), engines)
    assert not list(tmp_path.glob("evil.py"))
    assert not (tmp_path.parent / "evil.py").exists()


def test_an_engine_in_site_packages_is_the_fallback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site/llama_cpp"
    (package / "lib").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')\n")
    (package / "lib/libggml-cpu.so").write_bytes(b"")
    (package / "lib/libggml-vulkan.so").write_bytes(b"")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    found = engine_store.find(tmp_path / "engines", "a")
    assert found is not None
    assert (found.directory, found.backend, found.matches_cpu) == ("", "vulkan", True)
    assert "llama_cpp" not in sys.modules
