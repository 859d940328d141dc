"""The files of the audit log: private, never through a link, and clear about what is wrong."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from indoors_server import audit, audit_check, audit_files, private_files
from indoors_server.audit import AuditError, Log
from support.audit_logs import FILE, breaks_at, change, lines, small, start


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def refuses(directory: Path, log: Log, what: str) -> AuditError:
    """Appending is refused with `what` in its message, and with a next step."""
    with pytest.raises(AuditError, match=what) as caught:
        log.append(event="sent", kind="closed")
    assert caught.value.next_step
    with pytest.raises(AuditError):
        Log.open(directory)
    return caught.value


def test_what_is_made_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        directory = tmp_path / "state" / "indoors"
        small(directory, 1)
    finally:
        os.umask(before)
    assert mode(directory) == mode(directory.parent) == 0o700
    assert {path.name: mode(path) for path in directory.iterdir()} == dict.fromkeys(
        ("audit.jsonl", "audit.key", "audit.lock"), 0o600
    )
    assert len((directory / "audit.key").read_bytes()) == 32


def test_two_users_have_two_keys(tmp_path: Path) -> None:
    first = small(tmp_path / "one", 1).append(event="sent", kind="closed", path="/a")
    second = small(tmp_path / "two", 1).append(event="sent", kind="closed", path="/a")
    assert first.path_hmac != second.path_hmac


@pytest.mark.parametrize("name", ["audit.jsonl", "audit.key", "audit.lock"])
@pytest.mark.parametrize("what", ["a link", "a dangling link", "a pipe", "a folder", "others read"])
def test_a_file_that_is_not_plainly_ours_is_refused(tmp_path: Path, name: str, what: str) -> None:
    directory = tmp_path / "state"
    log = small(directory, 2)
    path, elsewhere = directory / name, tmp_path / "elsewhere"
    if what == "others read":
        path.chmod(0o640)
    else:
        path.rename(elsewhere)
    if what == "a link":
        path.symlink_to(elsewhere)
    elif what == "a dangling link":
        path.symlink_to(tmp_path / "nothing")
    elif what == "a pipe":
        os.mkfifo(path, 0o600)
    elif what == "a folder":
        path.mkdir()
    error = refuses(directory, log, name)
    assert error.why
    with pytest.raises(AuditError):
        audit_check.verify(directory)
    assert not (tmp_path / "nothing").exists()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners here")
def test_a_file_or_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch) -> None:
    log = small(tmp_path, 2)
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    with pytest.raises(AuditError, match="another user"):
        audit_check.verify(tmp_path)
    refuses(tmp_path, log, "another user")


def test_a_folder_that_others_may_write_into_is_refused(tmp_path: Path) -> None:
    log = small(tmp_path / "state", 2)
    (tmp_path / "state").chmod(0o777)
    refuses(tmp_path / "state", log, "Others may write")


def test_without_its_key_a_log_is_neither_continued_nor_checked(tmp_path: Path) -> None:
    log = small(tmp_path, 2)
    (tmp_path / "audit.key").unlink()
    refuses(tmp_path, log, "key of the audit log is missing")
    with pytest.raises(AuditError, match="missing"):
        audit_check.verify(tmp_path)
    assert not (tmp_path / "audit.key").exists()  # a new one would hide what happened


def test_a_key_of_another_length_is_refused(tmp_path: Path) -> None:
    log = small(tmp_path, 2)
    (tmp_path / "audit.key").write_bytes(b"short")
    refuses(tmp_path, log, "32 bytes")


@pytest.mark.parametrize("what", ["its last record edited", "another key", "no record there"])
def test_a_damaged_log_is_not_continued(tmp_path: Path, what: str) -> None:
    log = small(tmp_path, 2)
    if what == "another key":
        (tmp_path / "audit.key").write_bytes(b"k" * 32)
    elif what == "no record there":
        change(tmp_path, lambda all: [*all, b"x\n" * 100_000])
    else:
        change(tmp_path, lambda all: [*all[:-1], all[-1].replace(b"allow", b"never")])
    before = (tmp_path / FILE).read_bytes()
    refuses(tmp_path, log, "damaged, and is not continued")
    assert (tmp_path / FILE).read_bytes() == before


def test_a_log_that_was_moved_away_begins_anew(tmp_path: Path) -> None:
    log = small(tmp_path / "state", 2)
    (tmp_path / "state" / FILE).rename(tmp_path / "kept")
    assert log.append(event="sent", kind="closed").seq == 1
    for path in (tmp_path / "state").iterdir():
        path.unlink()
    (tmp_path / "state").rmdir()  # as a purge does
    assert log.append(event="sent", kind="closed").seq == 1
    assert breaks_at(tmp_path / "state") is None


def test_a_full_disk_is_told_and_leaves_a_whole_log(tmp_path: Path) -> None:
    """The limit on a file's size stands for the disk; it lies in the middle of some record."""
    child = start(tmp_path, "limited", 0, limit=20_001)
    said = child.communicate()[0]
    assert child.returncode == 1
    assert "The disk is full: nothing was recorded." in said
    assert "nothing was sent" in said
    n_told = sum(line.isdigit() for line in said.splitlines())
    verdict = audit_check.verify(tmp_path)
    assert (verdict.ok, verdict.n_records) == (True, n_told)
    assert Log.open(tmp_path).append(event="sent", kind="closed").seq == n_told + 1


def test_a_lock_that_stays_taken_is_an_error_and_not_a_wait_for_ever(tmp_path: Path) -> None:
    small(tmp_path, 1)
    log = Log.open(tmp_path, patience_s=0)
    held = private_files.exclusive(tmp_path / "audit.lock", lambda: None)
    with held, pytest.raises(AuditError, match="in use"):
        log.append(event="sent", kind="closed")
    assert log.append(event="sent", kind="closed").seq == 2


def test_a_lock_file_that_was_replaced_meanwhile_is_taken_anew(tmp_path: Path, monkeypatch) -> None:
    log = small(tmp_path, 1)
    tried = []

    def try_lock(descriptor: int) -> bool:
        if not tried:
            (tmp_path / "audit.lock").unlink()
        tried.append(descriptor)
        return True

    monkeypatch.setattr(audit_files.private_files, "try_lock", try_lock)
    log.append(event="sent", kind="closed")
    assert len(tried) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"event": "Two Words"},
        {"kind": "def main():"},
        {"decision": "x" * 60},
        {"reason": "two\nlines"},
        {"reason": "x" * 201},
        {"reason": "\udc80"},
        {"host": "a b"},
        {"body_sha256": "abc"},
        {"policy_hash": "A" * 64},
        {"size": -1},
    ],
    ids=str,
)
def test_what_could_be_text_of_a_file_is_refused(tmp_path: Path, fields: dict[str, object]) -> None:
    log = Log.open(tmp_path)
    with pytest.raises(AuditError, match=next(iter(fields))):
        log.append(**{"event": "sent", "kind": "closed", **fields})  # type: ignore[arg-type]
    assert lines(tmp_path) == []


def test_a_repair_cannot_be_claimed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="by the log itself"):
        Log.open(tmp_path).append(event="repaired", kind="torn-line", size=5)


def test_a_session_leaves_its_numbers_once(tmp_path: Path) -> None:
    log = Log.open(tmp_path)
    assert log.end_session(answered=0, shown=0) is None
    record = log.end_session(answered=12, shown=5, refused=0, tokens=900)
    assert record is not None
    assert record.counts == {"answered": 12, "shown": 5, "refused": 0, "tokens": 900}
    assert log.end_session(answered=13) is None
    assert len(lines(tmp_path)) == 1
    assert breaks_at(tmp_path) is None


def test_a_name_that_is_not_utf_8_is_found_again(tmp_path: Path) -> None:
    log = Log.open(tmp_path)
    first = log.refused(kind="closed", reason="denied by policy", path="/a/\udcff.py")
    second = log.refused(kind="closed", reason="denied by policy", path="/a/\udcff.py")
    assert first.path_hmac == second.path_hmac != ""
    assert audit.AuditError is AuditError
