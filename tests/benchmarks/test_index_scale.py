"""The pure parts of index_scale.py: memory of a process tree, switches, cursors, missing parts."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import index_scale
import pytest
from process_tree import PeakRss, rss_bytes
from tree_files import source_files


def stat_line(pid: int, name: str, parent: int, pages: int) -> str:
    return f"{pid} ({name}) S {parent} " + "0 " * 19 + f"{pages} " + "0 " * 20


def test_rss_is_that_of_a_process_and_all_below_it(tmp_path: Path) -> None:
    table = [(10, "a", 1, 5), (11, "b) R 1 (", 10, 7), (12, "c", 11, 1), (13, "other", 1, 100)]
    for pid, name, parent, pages in table:
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(stat_line(pid, name, parent, pages))
    (tmp_path / "14").mkdir()  # it ended while the table was read
    (tmp_path / "self").mkdir()
    page = os.sysconf("SC_PAGE_SIZE")
    assert rss_bytes(10, tmp_path) == 13 * page
    assert rss_bytes(12, tmp_path) == page
    assert rss_bytes(99, tmp_path) == 0


def test_the_peak_is_the_highest_sample() -> None:
    given = iter([1_000_000, 5_000_000, 2_000_000])
    done: list[int] = []

    def measure(_pid: int) -> int:
        done.append(next(given, 0))
        return done[-1]

    with PeakRss(1, measure, interval_s=0.001) as memory:
        while len(done) < 3:
            time.sleep(0.001)
    assert memory.peak_mb == 5.0


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_child_that_takes_memory_is_seen() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "x = b'1' * 50_000_000; print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    with child, PeakRss(os.getpid()) as memory:
        child.stdout.readline()
        assert rss_bytes(child.pid) > 50_000_000
        child.communicate(b"\n")
    assert memory.peak_mb > 50


def test_a_switch_changes_files_and_leaves_them_files(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.py").write_text(f"x = {number}\n")
    (tmp_path / "readme.txt").write_text("text")
    assert index_scale.fill_up(tmp_path, 10) >= 10
    before = {file.path: file.sha1 for file in source_files(tmp_path)}
    assert index_scale.switch(tmp_path, 5, random.Random(1)) == 5
    after = {file.path: file.sha1 for file in source_files(tmp_path)}
    assert set(before) == set(after)
    assert sum(before[path] != after[path] for path in before) == 5
    assert index_scale.switch(tmp_path, 100, random.Random(1)) == len(after)


def test_enough_files_are_not_filled_up(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    assert index_scale.fill_up(tmp_path, 1) == 1


def test_cursors_lie_inside_of_lines_and_characters(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("größe = 'ünï' + 'çödé'  \n\n    \nif größe:\r\n    pass\n")
    files = source_files(tmp_path)
    places = index_scale.cursors(files, 100, random.Random(1))
    assert len(places) == 100
    for path, language, byte in places:
        assert (path, language) == ("a.py", "python")
        before, after = files[0].data[:byte].decode(), files[0].data[byte:].decode()
        assert before.split("\n")[-1].strip()
        assert after.split("\n")[0].strip()
    assert index_scale.cursors([], 5, random.Random(1)) == []


def test_what_is_missing_ends_it_with_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> None:
        raise index_scale.Missing(f"indoors_indexing.{name}")

    monkeypatch.setattr(index_scale, "part", missing)
    monkeypatch.setattr(sys, "argv", ["index_scale.py", str(tmp_path), "--json"])
    with pytest.raises(SystemExit) as ended:
        index_scale.main()
    assert ended.value.code == 2
    assert "indoors_indexing.build" in capsys.readouterr().err
