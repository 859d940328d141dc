"""`indoors audit`, as a person or an auditor's script calls it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from indoors_server import cli, paths
from indoors_server.audit import Log
from support.audit_logs import FILE, lines, small

pytestmark = pytest.mark.usefixtures("private_home")


def test_show_prints_the_last_records(capsys) -> None:
    small(paths.state_dir(), 30)
    assert cli.main(["audit", "show"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [int(line.split()[0]) for line in shown] == list(range(11, 31))
    assert "2023-11-14T22:13:49.000Z  sent  closed  allow  models.example  3000 bytes" in shown[-1]
    assert "(a reason: “30”)" in shown[-1]
    assert cli.main(["audit", "show", "--last", "0", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found == [json.loads(line) for line in lines(paths.state_dir())]


def test_show_finds_the_records_about_a_file(tmp_path: Path, capsys, monkeypatch) -> None:
    log = Log.open(paths.state_dir())
    real, link = tmp_path / "real.py", tmp_path / "link.py"
    real.touch()
    link.symlink_to(real)
    log.refused(kind="closed", reason="denied by policy", path=str(real))
    log.refused(kind="closed", reason="denied by policy", path="/elsewhere.py")
    monkeypatch.chdir(tmp_path)
    for given in ("real.py", str(link)):
        assert cli.main(["audit", "show", "--path", given]) == 0
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["1"]
    assert cli.main(["audit", "show", "--path", "other.py"]) == 0
    assert capsys.readouterr().out == ""


def test_nothing_recorded_is_no_error(capsys) -> None:
    for action in ("show", "verify", "head"):
        assert cli.main(["audit", action]) == 0
    assert cli.main(["audit", "show", "--path", "x"]) == 0
    assert not paths.state_dir().exists()  # looking makes nothing
    assert "whole: 0 records" in capsys.readouterr().out


def test_verify_tells_of_repairs(capsys) -> None:
    log = small(paths.state_dir(), 2)
    with (paths.state_dir() / FILE).open("ab") as stream:
        stream.write(b'{"seq":3')
    assert cli.main(["audit", "verify"]) == 1
    assert "8 bytes that are no record" in capsys.readouterr().err
    log.append(event="sent", kind="closed")
    assert cli.main(["audit", "verify"]) == 0
    assert "1 torn lines, 8 bytes lost, told by record 3" in capsys.readouterr().out


def test_an_auditor_checks_a_copy(tmp_path: Path, capsys) -> None:
    small(paths.state_dir(), 4)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in (FILE, "audit.key"):
        shutil.copy2(paths.state_dir() / name, copy)
    assert cli.main(["audit", "verify", "--directory", str(copy), "--json"]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert (verdict["ok"], verdict["n_records"], verdict["head"]["seq"]) == (True, 4, 4)
    assert sorted(path.name for path in copy.iterdir()) == [FILE, "audit.key"]


@pytest.mark.parametrize("anchor", ["", "x", "1:abc", "0:" + "1" * 64, "-1:" + "1" * 64])
def test_what_is_no_anchor_is_said_to_be_none(anchor: str, capsys) -> None:
    small(paths.state_dir(), 1)
    assert cli.main(["audit", "verify", f"--anchor={anchor or ':'}"]) == 1
    assert "not an anchor" in capsys.readouterr().err


def test_help_promises_no_more_than_there_is(capsys) -> None:
    with pytest.raises(SystemExit):
        cli.main(["audit", "verify", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "tamper-evident against an anchor" in text


def test_a_plain_purge_keeps_the_log() -> None:
    small(paths.state_dir(), 1)
    cli.main(["purge", "--yes"])
    assert cli.main(["audit", "verify"]) == 0
    assert (paths.state_dir() / FILE).exists()
    cli.main(["purge", "--all", "--yes"])
    assert not paths.state_dir().exists()
