"""What the chain shows: every change of a record, and of the end only against an anchor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from indoors_server import audit_check, audit_records, cli, paths
from indoors_server.audit import Log
from indoors_server.audit_check import Anchor
from indoors_server.audit_records import NO_RECORD
from support.audit_logs import FILE, breaks_at, change, lines, small

N = 6
Change = Callable[[list[bytes]], list[bytes]]


def edited(line: bytes) -> bytes:
    return line.replace(b'"deny"', b'"also"').replace(b'"allow"', b'"never"')


# what was done -> (how, the number at which it must be found)
TAMPERING: dict[str, tuple[Change, int]] = {
    "edit the first": (lambda all: [edited(all[0]), *all[1:]], 1),
    "edit one": (lambda all: [*all[:2], edited(all[2]), *all[3:]], 3),
    "edit the last": (lambda all: [*all[:5], edited(all[5])], 6),
    "delete the first": (lambda all: all[1:], 1),
    "delete one": (lambda all: [*all[:3], *all[4:]], 4),
    "delete two": (lambda all: [*all[:2], *all[4:]], 3),
    "exchange two": (lambda all: [*all[:1], all[2], all[1], *all[3:]], 2),
    "turn round": (lambda all: all[::-1], 1),
    "one twice": (lambda all: [*all[:3], all[2], *all[3:]], 4),
    "the last twice": (lambda all: [*all, all[-1]], 7),
    "the first at the end": (lambda all: [*all, all[0]], 7),
    "a line of no record": (lambda all: [*all[:3], b"something\n", *all[3:]], 4),
    "an empty line": (lambda all: [*all[:3], b"\n", *all[3:]], 4),
    "an empty line at the end": (lambda all: [*all, b"\n"], 7),
    "a line longer than any record": (lambda all: [*all[:3], b"x" * 10_000 + b"\n", *all[3:]], 4),
    "a blank within": (lambda all: [*all[:1], all[1].replace(b",", b", ", 1), *all[2:]], 2),
    "two lines in one": (lambda all: [*all[:1], all[1][:-1], *all[2:]], 2),
    "cut within the last": (lambda all: [*all[:5], all[5][:-30]], 6),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_row_23_tampering_is_found_with_its_number(what: str, private_home: Path, capsys) -> None:
    small(paths.state_dir(), N)
    assert cli.main(["audit", "verify"]) == 0  # control: untouched, it is whole
    assert f"whole: {N} records" in capsys.readouterr().out
    how, seq = TAMPERING[what]
    change(paths.state_dir(), how)
    assert cli.main(["audit", "verify"]) == 1
    assert f"breaks at record {seq}." in capsys.readouterr().err


def test_row_23_a_cut_end_is_found_against_an_anchor_only(private_home: Path, capsys) -> None:
    directory = paths.state_dir()
    small(directory, N)
    assert cli.main(["audit", "head"]) == 0
    anchor = capsys.readouterr().out.strip()
    assert cli.main(["audit", "verify", "--anchor", anchor]) == 0
    change(directory, lambda all: all[:-2])
    assert cli.main(["audit", "verify"]) == 0
    assert "cannot show that the end was cut off" in capsys.readouterr().out
    assert cli.main(["audit", "verify", "--anchor", anchor]) == 1
    assert "breaks at record 5." in capsys.readouterr().err


def test_row_23_a_replaced_log_is_found_against_an_anchor(tmp_path: Path) -> None:
    """Someone who has the key can write a log anew, but not one that leads to the anchor."""
    small(tmp_path, N)
    anchor = audit_check.head(tmp_path)
    (tmp_path / FILE).unlink()
    log = Log.open(tmp_path)
    for _ in range(N + 3):
        log.append(event="sent", kind="closed")
    assert breaks_at(tmp_path) is None
    assert breaks_at(tmp_path, anchor) == N
    (tmp_path / FILE).unlink()
    assert breaks_at(tmp_path, anchor) == 1


def test_an_older_anchor_holds_while_the_log_grows(tmp_path: Path) -> None:
    log = small(tmp_path, 3)
    anchors = [audit_check.head(tmp_path)]
    for _ in range(4):
        log.append(event="sent", kind="closed")
        anchors.append(audit_check.head(tmp_path))
    assert [breaks_at(tmp_path, anchor) for anchor in anchors] == [None] * 5
    assert [anchor.seq for anchor in anchors] == [3, 4, 5, 6, 7]


def test_records_of_another_chain_with_the_same_key_do_not_fit(tmp_path: Path) -> None:
    small(tmp_path, 2)
    mine = lines(tmp_path)
    (tmp_path / FILE).unlink()
    other = Log.open(tmp_path)
    for _ in range(4):
        other.append(event="sent", kind="closed")
    change(tmp_path, lambda all: [*mine, *all[2:]])
    assert breaks_at(tmp_path) == 3


def test_a_flip_in_any_byte_is_found(tmp_path: Path) -> None:
    small(tmp_path, 2)
    whole = (tmp_path / FILE).read_bytes()
    first_end, last_end = len(lines(tmp_path)[0]) - 1, len(whole) - 1
    with (tmp_path / FILE).open("r+b", buffering=0) as stream:
        for place, byte in enumerate(whole):
            for bit in (1, 32):
                os.pwrite(stream.fileno(), bytes([byte ^ bit]), place)
                found = breaks_at(tmp_path)
                # Without its newline a record is one with the next or, the last, not closed.
                expected = {1} if place <= first_end else {2, 3} if place == last_end else {2}
                assert found in expected, (place, bit)
            os.pwrite(stream.fileno(), bytes([byte]), place)
    assert breaks_at(tmp_path) is None


def test_a_new_key_verifies_nothing(tmp_path: Path) -> None:
    small(tmp_path)
    (tmp_path / "audit.key").write_bytes(b"k" * 32)
    verdict = audit_check.verify(tmp_path)
    assert verdict.first_bad_seq == 1
    assert "the key is not the one" in verdict.problem


def test_no_log_is_an_empty_one(tmp_path: Path) -> None:
    assert audit_check.head(tmp_path / "missing") == Anchor(0, NO_RECORD)
    Log.open(tmp_path)
    assert audit_check.head(tmp_path) == Anchor(0, NO_RECORD)
    assert breaks_at(tmp_path, audit_records.anchor_of(f"0:{NO_RECORD}")) is None


def test_a_break_has_no_head(private_home: Path, capsys) -> None:
    small(paths.state_dir())
    change(paths.state_dir(), lambda all: all[1:])
    assert cli.main(["audit", "head"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no head to rely on" in captured.err


def test_the_documented_check_needs_nothing_of_ours(tmp_path: Path) -> None:
    """The script in docs/audit.md agrees with `verify`, on a whole log and on a changed one."""
    text = (Path(__file__).parents[3] / "docs" / "audit.md").read_text()
    script = text.split("```python\n")[1].split("```")[0]
    log = small(tmp_path, N)

    def check() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-c", script]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert check().stdout == str(audit_check.head(tmp_path)) + "\n"
    with (tmp_path / FILE).open("ab") as stream:
        stream.write(lines(tmp_path)[0][:77])
    log.append(event="sent", kind="closed")  # closes the torn line
    assert check().stdout == str(audit_check.head(tmp_path)) + "\n"
    change(tmp_path, lambda all: [*all[:2], edited(all[2]), *all[3:]])
    assert check().returncode != 0


def test_a_record_holds_the_fields_of_the_design_and_no_path(tmp_path: Path) -> None:
    small(tmp_path, 2)
    record = json.loads(lines(tmp_path)[1])
    names = "seq ts prev policy_hash event kind host bytes body_sha256 path_hmac decision reason"
    assert list(record) == [*names.split(), "counts", "h"]
    assert record["ts"] == "2023-11-14T22:13:21.000Z"
    assert record["prev"] == json.loads(lines(tmp_path)[0])["h"]
    assert b"someone" not in (tmp_path / FILE).read_bytes()
