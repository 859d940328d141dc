"""A real server's session, as it stands in the audit log after the editor has gone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fakes.lsp_client import running_server
from indoors_server import audit_check, paths, session_record
from indoors_server.status import Counters

URI = "file:///w/secret_name.py"


def test_a_session_leaves_its_numbers_and_nothing_of_the_text(tmp_path: Path) -> None:
    homes = {f"XDG_{name}_HOME": str(tmp_path / name.lower()) for name in ("CACHE", "STATE")}
    with running_server(homes) as (client, _):
        client.initialize()
        client.open(URI, "password = \n")
        client.complete(URI, 0, 11)
        client.request("shutdown")
    log = tmp_path / "state" / "indoors"
    (record,) = audit_check.read(log)
    assert (record.event, record.kind, record.path_hmac) == ("session", "local", "")
    assert record.counts["requested"] == 1
    text = (log / "audit.jsonl").read_text()
    assert "password" not in text
    assert "secret_name" not in text
    assert audit_check.verify(log).ok


def test_a_session_in_which_nothing_was_asked_for_leaves_no_record(private_home: Path) -> None:
    assert private_home
    session_record.record(Counters())
    assert list(audit_check.read(paths.state_dir())) == []


@pytest.mark.skipif(sys.platform == "win32", reason="modes")
def test_a_log_that_cannot_be_used_does_not_keep_the_server(
    private_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert private_home
    session_record.record(Counters(requested=1))
    (paths.state_dir() / "audit.key").unlink()
    session_record.record(Counters(requested=1))
    assert "audit" in caplog.text
