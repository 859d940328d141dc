"""One maker for single files: what it makes, and what a file can do to it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from indoors_indexing import maker
from indoors_indexing.lone_maker import LoneMaker, Stopped
from indoors_indexing.maker import Task
from indoors_indexing.reading import open_root
from support.makers import Spawn


class Bench:
    """A maker at work on one folder."""

    def __init__(self, folder: Path, *command: str, **options) -> None:
        self.folder = folder / "root"
        self.folder.mkdir()
        self.spawn = Spawn(folder / "mark", *command)
        self.is_stopped = False
        self.maker = LoneMaker(str(self.folder), self.spawn, lambda: self.is_stopped, **options)
        self.root = open_root(str(self.folder))

    def make(self, path: str, text: str | None = None) -> maker.Result:
        held = None if text is None else text.encode()
        return self.maker.make(self.root, Task(path, text=held))

    def close(self) -> None:
        self.maker.close()
        os.close(self.root)
        assert all(child.poll() is not None for child in self.spawn.started)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def test_one_process_makes_what_this_one_would(bench: Bench) -> None:
    (bench.folder / "a.py").write_text("def f(): ...\n")
    for path, text in (("a.py", None), ("gone.py", None), ("b.py", "held = 1\n"), ("c.png", "x")):
        task = Task(path, text=None if text is None else text.encode())
        assert bench.make(path, text) == maker.make(bench.root, task)
    assert len(bench.spawn.started) == 1


@pytest.mark.parametrize("options", [{}, {"stalled_after_s": 0.5}])
def test_a_file_that_no_maker_survives_is_left_alone(tmp_path: Path, options: dict) -> None:
    bench = Bench(tmp_path, **options)
    name = "stall.py" if options else "kill.py"
    (bench.folder / name).write_text("x = 1\n")
    record = bench.make(name).record
    assert record is not None
    assert record.skipped == "crash"
    # With its size and time, so that it is not tried again before it changes.
    assert (record.size, record.mtime_ns) == (6, (bench.folder / name).stat().st_mtime_ns)
    held = bench.make(name, "open = 1\n").record
    assert held is not None
    assert (held.skipped, held.size) == ("crash", -1)
    (bench.folder / "a.py").write_text("x = 1\n")
    assert bench.make("a.py").record is not None
    # One more where a maker of a busy machine was too slow with the sound file.
    assert len(bench.spawn.started) in (5, 6)
    bench.close()


def test_a_maker_that_died_of_something_else_costs_nothing(bench: Bench) -> None:
    (bench.folder / "once.py").write_text("x = 1\n")
    record = bench.make("once.py").record
    assert record is not None
    assert record.skipped == ""
    assert len(bench.spawn.started) == 2


@pytest.mark.parametrize("command", [("/nowhere/python",), ("/bin/false",), ("/bin/echo", "hello")])
def test_where_no_maker_starts_the_work_is_done_here(tmp_path: Path, command: tuple) -> None:
    bench = Bench(tmp_path, *command)
    (bench.folder / "a.py").write_text("x = 1\n")
    # A file is not blamed for a maker that never started.
    records = [bench.make("a.py").record for _ in range(4)]
    assert all(record is not None and record.skipped == "" for record in records)
    assert len(bench.spawn.started) <= 3
    bench.close()


def test_whoever_stops_does_not_wait_for_a_file(bench: Bench) -> None:
    (bench.folder / "stall.py").write_text("x = 1\n")
    bench.is_stopped = True
    with pytest.raises(Stopped):
        bench.make("stall.py")


def test_an_idle_maker_is_ended_and_another_one_started(tmp_path: Path) -> None:
    bench = Bench(tmp_path, idle_after_s=-1.0)
    (bench.folder / "a.py").write_text("x = 1\n")
    bench.make("a.py")
    bench.maker.rest()
    (child,) = bench.spawn.started
    assert child.poll() is not None
    assert bench.make("a.py").record is not None
    assert len(bench.spawn.started) == 2
    bench.close()


def test_a_child_that_cannot_be_reaped_is_no_error(bench: Bench) -> None:
    class Undead:
        stdin = stdout = None

        def kill(self) -> None: ...

        def wait(self, timeout: float | None = None) -> int:
            raise subprocess.TimeoutExpired("maker", timeout or 0)

    bench.maker._child = Undead()
    bench.maker.close()
