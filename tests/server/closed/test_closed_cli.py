"""`indoors closed`: what a person agrees to is the folder that they named or stand in, no more."""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path

import pytest

from indoors_server import cli, endpoint_files, policy
from indoors_server.closed import consent, locks
from indoors_server.gateway import wire
from support.closed_apis import HOST


@pytest.fixture
def package(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in a repository of several packages; closed mode is open but for the consent."""
    config = private_home / ".config/indoors"
    config.mkdir(parents=True)
    (config / "policy.json").write_text(json.dumps({"mode": "closed", "closed_hosts": [HOST]}))
    theirs = {"url": HOST, "api": "anthropic-api", "model": "big-1", "key": "file:/k"}
    (config / "engines.json").write_text(json.dumps({"theirs": theirs}))
    (private_home / "mono/.git").mkdir(parents=True)
    found = private_home / "mono/one package"
    found.mkdir()
    monkeypatch.chdir(found)
    return found


def verdict_for(workspace: str) -> locks.Verdict:
    """What a refactoring of a file in `workspace` would be told."""
    ask = wire.Ask(
        endpoint="theirs", kind="refactor", call="/v1/messages", workspace=workspace,
        sources=("a.py",),
    )  # fmt: skip
    endpoint = endpoint_files.load().endpoints["theirs"]
    return locks.check(ask, endpoint, policy.load(), locks.stores(), stage="offer")


def consents() -> list[str]:
    return [one.workspace for one in consent.read()]


def test_who_agrees_in_a_folder_agrees_for_it_and_not_for_the_project_around_it(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["closed", "allow", "theirs", "--yes"]) == 0
    assert consents() == [str(package)]
    assert verdict_for(str(package))
    assert verdict_for(str(package.parent)).kind == "consent"
    assert f"workspace  ~/mono/{package.name}\n" in capsys.readouterr().out
    assert cli.main(["closed", "revoke", "theirs"]) == 0
    assert consents() == []


def test_the_refusals_next_step_agrees_for_the_folder_that_was_refused(
    package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever it is run, and the one that is printed then takes that back."""
    step = verdict_for(str(package)).next_step
    monkeypatch.chdir(package.parent)
    program, *arguments = shlex.split(step)
    assert program == "indoors"
    assert cli.main([*arguments, "--yes"]) == 0
    assert verdict_for(str(package))
    _, _, back = capsys.readouterr().out.partition("Take it back: indoors ")
    assert cli.main(shlex.split(back)) == 0
    assert consents() == []


def test_who_takes_back_elsewhere_is_told_where_to_look(
    package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint = endpoint_files.load().endpoints["theirs"]
    consent.allow(str(package.parent), endpoint, policy.load().hash, time.time())
    assert cli.main(["closed", "revoke", "theirs"]) == 0
    assert "indoors closed list" in capsys.readouterr().out
    assert consents() == [str(package.parent)]


def test_a_file_of_no_folder_is_told_to_open_one(package: Path) -> None:
    assert package.is_dir()
    assert verdict_for("").next_step == "open the folder that the file is in"
