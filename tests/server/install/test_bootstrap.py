"""The script that makes .venv, on machines that lack something. Nothing is installed here."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / ".ci/bootstrap.py"


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, with a checkout and a .venv in the test's directory."""
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv/bin/python")
    return module


def test_an_old_python_can_still_read_the_script_and_is_told() -> None:
    """Its first act is to hand over to a newer one: newer syntax would break that."""
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_without_a_newer_python_the_next_step_is_given(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "OLDEST", (99, 0))
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    assert bootstrap.main(["run"]) == 1
    text = capsys.readouterr().err
    assert "3.11 or newer" in text
    assert "Next:" in text


def test_debians_python_without_venv_gets_the_package_to_install(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda name: None)
    assert bootstrap.main(["run"]) == 1
    text = capsys.readouterr().err
    assert "no venv and no ensurepip" in text
    assert "apt install python3." in text


def test_a_failing_uv_is_followed_by_pip(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mirror may be known to pip alone."""
    commands: list[list[str]] = []

    def run(command: list[str], quiet: bool = False) -> bool:
        commands.append(command)
        return command[0] != "/opt/uv"

    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: "/opt/uv" if name == "uv" else None)
    monkeypatch.setattr(bootstrap, "run", run)
    assert bootstrap.main(["dev"]) == 0
    assert commands[0][0] == "/opt/uv"
    hashed = [command for command in commands if "--require-hashes" in command]
    assert hashed
    assert all("requirements-dev.lock" in " ".join(command) for command in hashed)
    assert "by pip" in capsys.readouterr().out


def test_a_failing_pip_is_a_failure(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    monkeypatch.setattr(
        bootstrap, "run", lambda command, quiet=False: "--require-hashes" not in command
    )
    assert bootstrap.main(["run"]) == 1
    assert "could not be installed" in capsys.readouterr().err


def test_a_broken_venv_is_made_anew_and_a_link_is_not_followed(
    bootstrap: ModuleType, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").touch()
    bootstrap.VENV.symlink_to(outside)
    assert not bootstrap.usable(bootstrap.PYTHON)
    assert bootstrap.clear()
    assert not bootstrap.VENV.is_symlink()
    assert (outside / "mine").exists()


def test_make_lists_every_target_a_person_types() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    for target in ("demo", "test", "test-quick", "soak", "check", "format", "bench", "setup"):
        assert f"make {target} " in done.stdout


def test_the_locks_pin_hashes_and_name_no_index() -> None:
    for lock in sorted(ROOT.glob("requirements*.lock")):
        lines = lock.read_text(encoding="utf-8").splitlines()
        assert not any("://" in line or line.startswith("--") for line in lines), lock
        pins = [number for number, line in enumerate(lines) if "==" in line and line[0] != " "]
        assert pins
        assert all("--hash=sha256:" in lines[number + 1] for number in pins), lock
