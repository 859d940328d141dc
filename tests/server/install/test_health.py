"""What `doctor` finds wrong, each problem with one next step, and what it may show to others."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_completion import catalog
from indoors_completion.types import EngineError
from indoors_indexing import languages, store
from indoors_server import cli, engine_probe, engine_store, health, lockdown, model_choice, paths
from indoors_server.devices import Devices, SystemCard
from indoors_server.engine_probe import EngineDevice, Probe
from indoors_server.engine_store import EngineBuild
from indoors_server.health import Check
from indoors_server.lockdown import LockState

CARD = SystemCard(vendor="NVIDIA", name="NVIDIA RTX 4070", backend="cuda", compute="89")
UNUSABLE = SystemCard(
    vendor="NVIDIA", name="NVIDIA L4", backend="cuda", problem="no driver", next_step="install it"
)
INTEGRATED = SystemCard(vendor="Intel", name="Intel card", backend="")
GPU = EngineDevice(name="CUDA0", description="RTX", kind="gpu", total_bytes=8, free_bytes=7)
CPU = EngineDevice(name="CPU", description="EPYC", kind="cpu", total_bytes=8, free_bytes=7)
ON_CPU, ON_GPU = Probe(offload=False, devices=(CPU,)), Probe(offload=True, devices=(GPU, CPU))


@pytest.fixture(autouse=True)
def _home(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A lock cannot be taken off again, so the process that runs the tests is not locked.
    lock = LockState("network enforced, files not", "a test", "")
    monkeypatch.setattr(lockdown, "apply", lambda role: lock)


_ENGINES, _MODELS = paths.engines_dir(), paths.models_dir()  # the real ones, before any test


def real_engine() -> EngineBuild:
    return engine_store.require(_ENGINES)


@pytest.fixture
def real_model(tmp_path: Path) -> Path:
    """The default model under a name that is in no catalogue."""
    link = tmp_path / "mine.gguf"
    link.symlink_to(_MODELS / catalog.default().file)
    return link


def build(backend: str = "cpu", *, matches: bool = True) -> EngineBuild:
    return EngineBuild(
        directory="/nowhere", version="0.3.36", backend=backend, cpu_key="a", matches_cpu=matches
    )


def only(checks: list[Check]) -> Check:
    assert len(checks) == 1
    return checks[0]


def test_a_card_that_the_engine_does_not_use_is_an_error_by_name() -> None:
    check = only(health.check_cards(Devices(cards=(CARD,)), build(), ON_CPU))
    assert check.state == "error"
    assert "NVIDIA RTX 4070 is not used: the engine is a cpu build" in check.text
    assert check.next_step == "indoors engine install"


def test_a_card_engine_that_sees_no_card_is_an_error_too() -> None:
    check = only(health.check_cards(Devices(cards=(CARD,)), build("cuda"), ON_CPU))
    assert check.state == "error"


def test_after_an_explicit_choice_it_is_a_warning_and_still_named() -> None:
    engine_store.remember_choice("cpu")
    check = only(health.check_cards(Devices(cards=(CARD,)), build(), ON_CPU))
    assert check.state == "warning"
    assert "NVIDIA RTX 4070" in check.text
    assert "--cpu" in check.text


def test_a_used_card_is_fine_and_the_second_one_is_named() -> None:
    seen = Devices(cards=(CARD, CARD))
    first, second = health.check_cards(seen, build("cuda"), ON_GPU)
    assert (first.state, second.state) == ("ok", "error")


@pytest.mark.parametrize(("uid", "word"), [(0, "another user than root"), (1000, "report it")])
def test_a_card_that_only_a_terminal_would_have_is_an_error(
    monkeypatch: pytest.MonkeyPatch, uid: int, word: str
) -> None:
    """The rules of a server hold for its worker too, and a driver may need more than they allow."""
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    check = only(health.check_card_of_server("NVIDIA X", False))
    assert check.state == "error"
    assert "NVIDIA X is not found by the worker of an editor's server" in check.text
    assert word in check.next_step
    assert health.check_card_of_server("NVIDIA X", True) == []
    assert health.check_card_of_server("NVIDIA X", None) == []


def test_a_card_that_cannot_be_used_now_has_its_own_next_step() -> None:
    check = only(health.check_cards(Devices(cards=(UNUSABLE,)), build(), ON_CPU))
    assert (check.state, check.next_step) == ("error", "install it")
    assert "no driver" in check.text


@pytest.mark.parametrize("seen", [Devices(), Devices(cards=(INTEGRATED,)), Devices(hidden="X=-1")])
def test_machines_without_a_card_to_use_are_fine(seen: Devices) -> None:
    assert only(health.check_cards(seen, build(), ON_CPU)).state == "ok"


def test_no_engine_and_an_engine_for_another_cpu_are_errors() -> None:
    check, probe = health.check_engine(None)
    assert (check.state, check.next_step, probe) == ("error", "indoors engine install", None)
    check, probe = health.check_engine(build(matches=False))
    assert (check.state, probe) == ("error", None)
    assert check.next_step == "indoors engine install --rebuild"


def test_an_engine_that_dies_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(build: EngineBuild) -> Probe:
        raise EngineError("It died.", why="SIGILL", next_step="indoors engine install --rebuild")

    monkeypatch.setattr(engine_probe, "probe", die)
    check, _ = health.check_engine(build())
    assert check.state == "error"
    assert "SIGILL" in check.text
    assert check.next_step == "indoors engine install --rebuild"


def test_an_installation_that_python_i_cannot_see_is_explained() -> None:
    check = health.check_launch((sys.executable, "-I", "-c", "import no_such_package"))
    assert check.state == "error"
    assert "--user" in check.text
    assert "virtual environment" in check.next_step
    assert health.check_launch().state == "ok"


def test_a_cache_that_cannot_be_written_is_an_error(private_home: Path) -> None:
    (private_home / ".cache").write_text("a file where a directory should be")
    states = {check.name: check.state for check in health.check_places()}
    assert states == {"cache": "error", "state": "ok"}


def test_a_missing_model_names_the_command() -> None:
    check = health.check_model(None, None)
    assert check.state == "error"
    assert "indoors" in check.next_step


@pytest.mark.model
def test_a_file_says_itself_whether_it_fills_in_the_middle(real_model: Path) -> None:
    """No catalogue knows this name: the worker reads the file."""
    model_choice.choose(str(real_model))
    current = real_engine()
    check = health.check_model(current, engine_probe.probe(current))
    assert check.state == "ok", check.text
    assert "fills in the middle (qwen2.5-coder)" in check.text


def test_a_bad_setting_is_named() -> None:
    place = paths.config_dir() / "config.json"
    place.parent.mkdir(parents=True)
    place.write_text('{"engine": {"threads": "many"}}')
    check = only(health.check_settings())
    assert check.state == "warning"
    assert "threads" in check.text


@given(
    st.sampled_from(["/home/jane", "/Users/Jane Doe", "C:\\Users\\jane"]),
    st.lists(st.sampled_from(["src", "top secret", "cart.py", "ünï"]), min_size=1, max_size=4),
    st.sampled_from(["in {}", "({})", "'{}': no", "at {}, and more", "{}"]),
)
def test_a_report_has_no_paths_and_no_names(home: str, parts: list[str], frame: str) -> None:
    path = "/".join([home, *(part.replace(" ", "_") for part in parts)])
    variables = {"HOME": home, "USERPROFILE": home, "USER": "jane"}
    shown = health.scrubbed(frame.format(path) + " by jane.", variables)
    assert "jane" not in shown.lower()
    for part in parts:
        assert part.replace(" ", "_") not in shown
    assert not re.search(r"[\\/]\w", shown)


def test_a_report_keeps_what_helps() -> None:
    text = "CUDA 13.0, 7.1/8.0 GB, llama.cpp 0.3.36, /home/jane/x.gguf"
    assert "llama.cpp 0.3.36" in health.scrubbed(text, {"HOME": "/home/jane"})
    assert "7.1/8.0 GB" in health.scrubbed(text, {"HOME": "/home/jane"})


def run_doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = cli.main(["doctor", *arguments])
    return status, capsys.readouterr().out


def test_doctor_fails_with_errors_and_prints_each_next_step(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_store, "site_packages", lambda: None)
    status, text = run_doctor(capsys)
    assert status == 1
    assert "✗ engine" in text
    assert "Next: indoors engine install" in text
    status, text = run_doctor(capsys, "--json")
    states = {check["name"]: check["state"] for check in json.loads(text)["checks"]}
    assert status == 1
    assert (states["engine"], states["model"], states["python"]) == ("error", "error", "ok")


def test_the_report_shows_neither_home_nor_interpreter(
    capsys: pytest.CaptureFixture[str], private_home: Path
) -> None:
    _, text = run_doctor(capsys, "--report")
    assert str(private_home) not in text
    assert str(Path(sys.executable).parent) not in text
    assert "<path>" in text


def test_all_grammars_load_here() -> None:
    check = only(health.check_languages())
    assert check.state == "ok"
    assert f"all {len(languages.LANGUAGES)} languages" in check.text


def test_a_grammar_that_is_missing_is_named_with_what_it_costs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "tree_sitter_c_sharp", None)
    check = only(health.check_languages())
    assert check.state == "warning"
    assert check.text.startswith("csharp: the grammar tree_sitter_c_sharp did not load")
    assert "without syntax" in check.text
    assert check.next_step.endswith("-m pip install --force-reinstall tree-sitter-c-sharp")


def test_the_index_of_the_folder_around_is_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert health.check_index() == Check(name="index", state="ok", text="none for this folder yet")
    with store.Writer.open(tmp_path, paths.cache_dir()) as writer:
        writer.complete()
    assert health.check_index().text.startswith("0 files, 0 lines, ")
    (database,) = (paths.cache_dir() / "index").glob("*.db")
    database.write_bytes(b"not a database" * 1000)
    check = health.check_index()
    assert (check.state, check.next_step) == ("warning", "indoors index rebuild")


def test_a_python_whose_sqlite_cannot_search_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: object, **__: object) -> None:
        raise store.StoreUnavailable("no such module: fts5")

    monkeypatch.setattr(store.Writer, "open", unavailable)
    check = health.check_index()
    assert check.state == "warning"
    assert "no such module: fts5" in check.text
    assert "another Python" in check.next_step


def test_the_chosen_model_is_remembered_while_it_is_there() -> None:
    assert model_choice.recorded() == ""
    file = paths.models_dir() / "mine.gguf"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"GGUF")
    model_choice.choose(str(file))
    assert model_choice.chosen() == str(file)
    file.unlink()
    assert model_choice.recorded() == ""
    assert model_choice.chosen() == "qwen2.5-coder-0.5b-instruct"
