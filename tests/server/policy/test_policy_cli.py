"""`indoors policy`: what it prints, what it writes, and what it refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from indoors_server import cli
from indoors_server.policy import files
from indoors_server.policy.files import MachinePlace
from support.policies import A, B, place_in

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="places by HOME")


@pytest.fixture
def machine(private_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MachinePlace:
    """An empty machine's place, an empty home, and a workspace around the working directory."""
    place = place_in(tmp_path / "top")
    monkeypatch.setattr(files, "machine_place", lambda: place)
    workspace = tmp_path / "workspace"
    (workspace / ".git").mkdir(parents=True)
    monkeypatch.chdir(workspace)
    return place


def own() -> Path:
    return files.user_file()


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(0o644)


def test_it_is_a_command() -> None:
    assert cli.COMMANDS["policy"][0] == "policy"


def test_show(machine: MachinePlace, capsys: pytest.CaptureFixture[str]) -> None:
    write(machine.directory / "policy.json", {"mode": "onprem", "onprem_hosts": [A]})
    write(Path(".indoors.json"), {"policy": {"mode": "closed", "index": False}})
    assert cli.main(["policy"]) == 0
    shown = capsys.readouterr().out
    assert f'"onprem"  (machine {machine.directory / "policy.json"})' in shown
    assert "false  (workspace " in shown
    assert "notice: " in shown
    assert "indoors policy mode closed" in shown
    assert cli.main(["policy", "show", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["policy"]["mode"], len(found["hash"])) == ("onprem", 64)
    assert found["problems"][0]["severity"] == "notice"


def test_show_makes_a_tampered_policy_visible(
    machine: MachinePlace, capsys: pytest.CaptureFixture[str]
) -> None:
    write(machine.directory / "policy.json", {"mode": "onprem"})
    (machine.directory / "policy.json").chmod(0o666)
    assert cli.main(["policy", "show"]) == 1
    shown = capsys.readouterr().out
    assert "TAMPERED" in shown
    assert '"local"' in shown


def test_explain(machine: MachinePlace, capsys: pytest.CaptureFixture[str]) -> None:
    write(machine.directory / "policy.json", {"mode": "onprem", "deny_paths": ["x/"]})
    write(own(), {"mode": "closed"})
    assert cli.main(["policy", "explain", "mode"]) == 0
    shown = capsys.readouterr().out
    assert 'built in: "local" (gives way)' in shown
    assert f'user {own()}: "closed"' in shown
    assert f'mode = "onprem", decided by: machine {machine.directory / "policy.json"}' in shown
    assert cli.main(["policy", "explain", "deny_paths"]) == 0
    assert f"x/  (machine {machine.directory / 'policy.json'})" in capsys.readouterr().out
    assert cli.main(["policy", "explain", "colour"]) == 1
    assert "name one of: mode" in capsys.readouterr().err


def test_check(machine: MachinePlace, capsys: pytest.CaptureFixture[str]) -> None:
    write(Path("good.json"), {"mode": "off", "$schema": "policy.schema.json"})
    write(Path("bad.json"), '{\n "mode": "none",\n "hosts": 1\n}')
    write(Path(".indoors.json"), {"model": "x", "policy": {"mode": "of"}})
    assert cli.main(["policy", "check", "good.json"]) == 0
    assert "is a valid policy" in capsys.readouterr().out
    assert cli.main(["policy", "check", "bad.json"]) == 1
    said = capsys.readouterr().err
    assert "line 2: mode must be" in said
    assert "line 3: hosts is not a key" in said
    assert cli.main(["policy", "check", ".indoors.json"]) == 1
    assert cli.main(["policy", "check", "none.json"]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_check_looks_at_the_owners_of_a_machines_file(
    machine: MachinePlace, capsys: pytest.CaptureFixture[str]
) -> None:
    file = machine.directory / "policy.json"
    write(file, {"mode": "off"})
    assert cli.main(["policy", "check", str(file)]) == 0
    machine.directory.parent.chmod(0o777)
    assert cli.main(["policy", "check", str(file)]) == 1
    assert "TAMPERED" in capsys.readouterr().err
    write(machine.directory / "policy.new", "{")
    machine.directory.parent.chmod(0o755)
    assert cli.main(["policy", "check", str(machine.directory / "policy.new")]) == 1


def test_mode_writes_a_private_file_and_keeps_the_rest(
    machine: MachinePlace, capsys: pytest.CaptureFixture[str]
) -> None:
    write(own(), {"$schema": "x", "mode": "local", "deny_paths": ["x/"]})
    assert cli.main(["policy", "mode", "closed", "--yes"]) == 0
    assert json.loads(own().read_text()) == {
        "$schema": "x",
        "mode": "closed",
        "deny_paths": ["x/"],
    }
    assert own().stat().st_mode & 0o777 == 0o600
    assert "restart" in capsys.readouterr().out
    assert cli.main(["policy", "mode", "closed"]) == 0
    said = capsys.readouterr().out
    assert "nothing to write. A wider policy counts after a restart of the server" in said


def test_widening_is_asked_about_and_narrowing_is_not(
    machine: MachinePlace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["policy", "mode", "off"]) == 0
    capsys.readouterr()
    assert cli.main(["policy", "mode", "closed"]) == 1
    assert "add --yes" in capsys.readouterr().err
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    for answer, status, mode in (("n\n", 1, "off"), ("y\n", 0, "closed")):
        monkeypatch.setattr(sys.stdin, "readline", lambda answer=answer: answer, raising=False)
        assert cli.main(["policy", "mode", "closed"]) == status
        assert json.loads(own().read_text())["mode"] == mode
    assert "Inline completion never goes to those." in capsys.readouterr().out


def test_the_machines_ceiling_is_not_written_beyond(
    machine: MachinePlace, capsys: pytest.CaptureFixture[str]
) -> None:
    write(machine.directory / "policy.json", {"mode": "onprem", "onprem_hosts": [A]})
    assert cli.main(["policy", "mode", "closed", "--yes"]) == 1
    said = capsys.readouterr().err
    assert 'mode is "onprem" at most' in said
    assert str(machine.directory / "policy.json") in said
    assert cli.main(["policy", "allow", B, "--yes"]) == 1
    assert "does not allow that" in capsys.readouterr().err
    # A list of one's own would only take hosts away.
    assert cli.main(["policy", "allow", A, "--yes"]) == 0
    assert "already" in capsys.readouterr().out
    assert not own().exists()


def test_allow(machine: MachinePlace, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["policy", "allow", "https://A.example", "--yes"]) == 0
    assert "indoors policy mode onprem" in capsys.readouterr().out
    assert cli.main(["policy", "allow", B, "--closed", "--yes"]) == 0
    assert json.loads(own().read_text()) == {"onprem_hosts": [A], "closed_hosts": [B]}
    assert cli.main(["policy", "allow", B, "--yes"]) == 1
    assert "both lists" in capsys.readouterr().err
    assert cli.main(["policy", "allow", "https://api.openai.com", "--yes"]) == 1
    assert "indoors policy allow https://api.openai.com:443 --closed" in capsys.readouterr().err
    assert cli.main(["policy", "allow", "http://far.example", "--yes"]) == 1
    assert "must begin with https" in capsys.readouterr().err
    assert cli.main(["policy", "mode", "onprem", "--yes"]) == 0
    capsys.readouterr()
    assert cli.main(["policy"]) == 0
    assert A in capsys.readouterr().out


def test_an_invalid_file_of_ones_own_is_left_as_it_is(
    machine: MachinePlace, capsys: pytest.CaptureFixture[str]
) -> None:
    write(own(), '{"mode": "local", "mode": "off"}')
    assert cli.main(["policy", "mode", "closed", "--yes"]) == 1
    said = capsys.readouterr().err
    assert "left as it is" in said
    assert "occurs twice" in said
    assert own().read_text() == '{"mode": "local", "mode": "off"}'


def test_a_link_to_ones_own_file_stays_a_link(machine: MachinePlace, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "policy.json"
    write(real, {"strict": True})
    own().parent.mkdir(parents=True)
    own().symlink_to(real)
    assert cli.main(["policy", "mode", "onprem", "--yes"]) == 0
    assert own().is_symlink()
    assert json.loads(real.read_text()) == {"strict": True, "mode": "onprem"}


def test_text_of_a_repository_cannot_steer_the_terminal(
    machine: MachinePlace, capsys: pytest.CaptureFixture[str]
) -> None:
    write(Path(".indoors.json"), json.dumps({"policy": {"\x1b[31m\u202e": 1}}))
    assert cli.main(["policy"]) == 1
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
