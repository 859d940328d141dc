"""What commands say of a machine whose code is completed elsewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from indoors_server import cli, lockdown, named_engines, prelaunch
from indoors_server.health import Check
from indoors_server.health_elsewhere import beside
from indoors_server.router import KINDS, Rule, needs_local
from support.gateways import write_engines
from support.launchers import write_policy

URL = "http://127.0.0.1:8000"
ALWAYS, SOMETIMES = {"use": "gpu"}, {"use": "gpu", "languages": ["python"]}


@pytest.mark.parametrize(
    ("rules", "usable", "needed"),
    [
        ([], ["gpu"], True),
        ([ALWAYS], ["gpu"], False),
        ([ALWAYS], [], True),  # refused: then no rule is left, and the engine here answers
        ([{"use": ["gpu", "local"]}], ["gpu"], True),
        ([SOMETIMES], ["gpu"], True),
        ([SOMETIMES, ALWAYS], ["gpu"], False),
        ([SOMETIMES, {"use": "none"}], [], False),
        ([{"use": "gpu", "kinds": ["completion"]}], ["gpu"], True),
        ([{"use": "gpu", "kinds": ["completion"]}, {"use": "none"}], ["gpu"], False),
        ([{"use": "local", "kinds": ["refactor"]}, ALWAYS], ["gpu"], True),
        ([ALWAYS, {"use": "local"}], ["gpu"], False),
        ([{"use": "gpu", "maxLatencyMs": 200}], ["gpu"], True),
    ],
)
def test_whether_the_engine_here_has_anything_to_answer(
    rules: list[dict[str, Any]], usable: list[str], needed: bool
) -> None:
    found = dict.fromkeys(KINDS, usable)
    assert needs_local(msgspec.convert(rules, list[Rule]), found) is needed


def test_an_engine_that_only_edits_leaves_completions_to_the_engine_here() -> None:
    made, able = msgspec.convert([ALWAYS], list[Rule]), {"completion": [], "refactor": ["gpu"]}
    assert needs_local(made, able)


@pytest.fixture
def home(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No engine and no model; every completion comes from a team's server."""
    monkeypatch.setattr(lockdown, "apply", lambda _role: lockdown.state())
    write_engines(private_home, gpu={"url": URL, "api": "openai"})
    write_policy(private_home, mode="onprem", onprem_hosts=[URL])
    rules(private_home, ALWAYS)
    return private_home


def rules(home: Path, *found: dict[str, Any]) -> None:
    (home / ".config/indoors/config.json").write_text(json.dumps({"engines": {"rules": found}}))


def test_status_of_a_machine_that_needs_no_engine_is_ready(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["status"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("ready · engines elsewhere")
    assert "others  gpu: allowed by the policy" in out
    assert "No rule uses the engine here" in out
    assert "next    indoors engines check gpu" in out
    rules(home, {"use": ["gpu", "local"]})
    assert cli.main(["status", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert (shown["phase"], shown["needs_local"]) == ("error", True)
    assert [one["state"] for one in shown["engines"]] == ["allowed"]


def test_a_refused_engine_says_why_and_the_one_here_is_needed_again(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_policy(home, mode="local")
    rules(home, ALWAYS, {"use": "nobody"})
    assert cli.main(["status"]) == 1
    out = capsys.readouterr().out
    assert "gpu: the policy's mode is local" in out or "gpu: mode is local" in out
    assert "nobody: not in engines.json" in out


def test_doctor_calls_no_error_what_no_rule_uses(home: Path) -> None:
    checks = [
        Check(name="engine", state="error", text="not installed", next_step="indoors setup"),
        Check(name="python", state="error", text="old", next_step="install another"),
    ]
    engine, python, elsewhere = beside(checks)
    assert (engine.state, engine.next_step) == ("ok", "")
    assert python == checks[1]
    assert (elsewhere.name, elsewhere.state) == ("elsewhere", "ok")
    rules(home, {"use": ["gpu", "local"]})
    assert beside(checks)[0] == checks[0]
    write_policy(home, mode="local")
    elsewhere = beside(checks)[-1]
    assert elsewhere.text.startswith("gpu: the policy's mode is local")
    assert elsewhere.next_step == "indoors policy mode onprem"
    write_engines(home)
    assert beside(checks)[-1].next_step == "indoors engines check gpu"
    assert named_engines.named(()) == ()


def test_who_has_no_policy_yet_is_told_the_one_next_step(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first thing that goes wrong for most: engines.json is written, and no policy."""
    monkeypatch.setattr(prelaunch, "_outcome", "")
    (home / ".config/indoors/policy.json").unlink()
    assert cli.main(["engines", "check", "gpu"]) == 1
    out = capsys.readouterr().out
    assert "mode was local when this command started.\n" in out
    assert re.search(r"^  next +indoors policy mode onprem$", out, re.MULTILINE)
    assert cli.main(["engines"]) == 0
    out = capsys.readouterr().out
    assert out.endswith(". Next: indoors policy mode onprem\n"), "to check it would not help"
    write_policy(home, mode="onprem", onprem_hosts=[URL])
    assert cli.main(["engines"]) == 0
    assert "indoors engines check NAME" in capsys.readouterr().out
