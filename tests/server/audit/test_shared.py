"""Many processes and one chain, and processes that die while they write."""

from __future__ import annotations

import collections
import random
import threading
import time
from pathlib import Path

import pytest

from indoors_server import audit_check
from indoors_server.audit import Log
from support.audit_logs import FILE, breaks_at, lines, small, start


def test_eight_processes_write_one_chain_and_lose_nothing(tmp_path: Path) -> None:
    count = 1000
    children = [start(tmp_path, f"child-{number}", count) for number in range(8)]
    for child in children:
        child.communicate()
        assert child.returncode == 0
    verdict = audit_check.verify(tmp_path)
    assert (verdict.ok, verdict.n_records, verdict.n_repairs) == (True, 8 * count, 0)
    reasons = collections.defaultdict(list)
    for record in audit_check.read(tmp_path):
        reasons[record.kind].append(int(record.reason.split()[1]))
    assert dict(reasons) == {f"child-{number}": list(range(count)) for number in range(8)}


def test_threads_share_a_log(tmp_path: Path) -> None:
    log = Log.open(tmp_path, patience_s=120)

    def write() -> None:
        for _ in range(20):
            log.append(event="sent", kind="closed")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert audit_check.verify(tmp_path).n_records == 80


@pytest.mark.parametrize("rounds", [6, pytest.param(150, marks=pytest.mark.soak)])
def test_killed_at_any_moment_the_log_goes_on_and_has_what_was_told(
    tmp_path: Path, rounds: int
) -> None:
    chance = random.Random(7)
    told = 0
    for round_ in range(rounds):
        child = start(tmp_path, f"round-{round_}", 0, slow=True)
        assert child.stdout is not None
        for _ in range(chance.randrange(1, 12)):
            told += bool(child.stdout.readline())
        time.sleep(chance.random() / 50)
        child.kill()  # nearly always within a line: most of its time goes into writing one
        told += len(child.communicate()[0].splitlines())
    Log.open(tmp_path).append(event="sent", kind="closed")
    verdict = audit_check.verify(tmp_path)
    assert verdict.ok, verdict.problem
    kinds = [record.event for record in audit_check.read(tmp_path)]
    # A record that is on disk when its process dies may not have been told any more.
    assert told <= kinds.count("sent") - 1 <= told + rounds
    assert kinds.count("repaired") == verdict.n_repairs <= rounds
    assert verdict.n_repairs > 0


def test_a_record_cut_at_every_byte_is_repaired_and_told(tmp_path: Path) -> None:
    small(tmp_path, 3)
    before, last = lines(tmp_path)[:2], lines(tmp_path)[2]
    for kept in range(len(last)):
        (tmp_path / FILE).write_bytes(b"".join(before) + last[:kept])
        is_whole = kept == len(last) - 1  # only the newline is missing
        assert (breaks_at(tmp_path) is None) == (kept == 0)
        record = Log.open(tmp_path).append(event="sent", kind="closed")
        verdict = audit_check.verify(tmp_path)
        assert verdict.ok, (kept, verdict.problem)
        if kept == 0:
            assert (record.seq, verdict.n_repairs) == (3, 0)
            continue
        assert record.seq == (5 if is_whole else 4)
        assert verdict.repaired_seqs == (record.seq - 1,)
        assert verdict.n_lost_bytes == (0 if is_whole else kept)
        if kept % 16 == 0:
            check_that_the_torn_bytes_are_authenticated(tmp_path, len(b"".join(before)))


def check_that_the_torn_bytes_are_authenticated(directory: Path, begin: int) -> None:
    data = bytearray((directory / FILE).read_bytes())
    data[begin] ^= 1
    (directory / FILE).write_bytes(data)
    assert breaks_at(directory) == 3
    del data[begin : data.index(b"\n", begin) + 1]
    (directory / FILE).write_bytes(data)
    assert breaks_at(directory) == 3


def test_a_repair_that_was_cut_itself_is_repaired(tmp_path: Path) -> None:
    """Cut while it closes a torn line: the closing newline may be there and no record yet."""
    small(tmp_path, 2)
    torn = (tmp_path / FILE).read_bytes() + lines(tmp_path)[0][:50]
    (tmp_path / FILE).write_bytes(torn)
    Log.open(tmp_path).append(event="sent", kind="closed")
    whole = (tmp_path / FILE).read_bytes()
    for kept in range(len(torn), len(whole), 7):
        (tmp_path / FILE).write_bytes(whole[:kept])
        Log.open(tmp_path).append(event="sent", kind="closed")
        verdict = audit_check.verify(tmp_path)
        assert verdict.ok, (kept, verdict.problem)
        assert verdict.n_repairs >= 1


def test_the_first_record_of_all_may_be_torn(tmp_path: Path) -> None:
    small(tmp_path, 1)
    (tmp_path / FILE).write_bytes(lines(tmp_path)[0][:99])
    record = Log.open(tmp_path).append(event="sent", kind="closed")
    verdict = audit_check.verify(tmp_path)
    assert (verdict.ok, record.seq, verdict.n_lost_bytes) == (True, 2, 99)


def test_zeros_that_a_power_cut_left_are_repaired(tmp_path: Path) -> None:
    log = small(tmp_path, 3)
    with (tmp_path / FILE).open("ab") as stream:
        stream.write(bytes(9000))
    log.append(event="sent", kind="closed")
    assert audit_check.verify(tmp_path).n_lost_bytes == 9000


def test_an_append_to_a_huge_log_reads_its_tail_only(tmp_path: Path, monkeypatch) -> None:
    """The file is a hole of 100 MB with a real end: reading more than the end would find zeros."""
    log = small(tmp_path, 3)
    end = b"".join(lines(tmp_path))
    with (tmp_path / FILE).open("r+b") as stream:
        stream.truncate(0)
        stream.seek(100_000_000)
        stream.write(b"\n" + end)
    read = 0

    def counting(stream, size):
        nonlocal read
        read += size
        return stream.read(size)

    monkeypatch.setattr("indoors_server.audit._read", counting)
    assert log.append(event="sent", kind="closed").seq == 4
    assert 0 < read < 20_000
