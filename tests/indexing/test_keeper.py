"""The index follows the files, the open buffers, and whoever says stop."""

import os
import random
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indoors_indexing.build import bring_up_to_date
from indoors_indexing.keeper import Keeper, Pace
from indoors_indexing.reports import Note, Progress, Report, State
from indoors_indexing.store import Reader, Writer
from indoors_indexing.store_files import ask_to_rebuild, place_of
from support import makers
from support.index_records import content, without_ids
from support.watching import FOLDERS, PATIENCE_S, Opener, make, storm

# Nothing but events and what a test does: no sweep comes to the rescue.
NO_SWEEP = Pace(sweep_every_s=10**6, poll_every_s=10**6, poll_every_at_most_s=10**6, idle_s=10**6)
NO_MOUNTS = ""


class Kept:
    """A keeper, what it said, and what its index holds."""

    def __init__(self, root: Path, cache: Path, **options) -> None:
        self.root, self.cache = root, cache
        self.reports: list[Report] = []
        options = {"pace": NO_SWEEP, "mount_table": NO_MOUNTS} | options
        self.keeper = Keeper(root, cache, self.reports.append, **options)

    def start(self) -> "Kept":
        self.keeper.start()
        return self.phase("ready")

    def phase(self, phase: str) -> "Kept":
        self.until(lambda: self.phases()[-1:] == [phase])
        return self

    def phases(self) -> list[str]:
        return [report.phase for report in list(self.reports) if isinstance(report, State)]

    def notes(self) -> list[str]:
        return [report.text for report in list(self.reports) if isinstance(report, Note)]

    def until(self, is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < end, self.reports
            time.sleep(0.01)

    def found(self, word: str) -> list[str]:
        with Reader.open(self.root, self.cache) as reader:
            return sorted({hit.path for hit in reader.containing(word)})

    def files(self) -> list[str]:
        with Reader.open(self.root, self.cache) as reader:
            return [file.path for file in reader.files()]

    def finds(self, word: str, *paths: str) -> None:
        self.until(lambda: self.found(word) == sorted(paths))

    def stop(self) -> None:
        self.keeper.stop()
        assert self.keeper.join(PATIENCE_S)
        assert self.phases()[-1] == "off"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def keep(root: Path, tmp_path: Path) -> Iterator[Callable[..., Kept]]:
    all_kept: list[Kept] = []

    def start(**options) -> Kept:
        all_kept.append(Kept(root, tmp_path / "cache", **options))
        return all_kept[-1]

    yield start
    for kept in all_kept:
        if kept.keeper._thread.ident is not None:
            kept.keeper.stop()
            kept.keeper.join(PATIENCE_S)


Keep = Callable[..., Kept]
linux = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


def test_it_begins_with_a_pass_and_says_so(root: Path, keep: Keep) -> None:
    make(root, "a.py", "pkg/b.py", text="alpha\n")
    kept = keep().start()
    assert kept.found("alpha") == ["a.py", "pkg/b.py"]
    assert kept.phases() == ["indexing", "ready"]
    assert Progress(2, 2) in kept.reports
    assert kept.notes() == []
    kept.stop()


@linux
def test_the_index_follows_the_files(root: Path, keep: Keep) -> None:
    make(root, "a.py", "pkg/b.py", text="alpha\n")
    kept = keep().start()
    make(root, "a.py", text="beta\n")
    kept.finds("beta", "a.py")
    make(root, "new/deep/c.py", text="beta\n")
    kept.finds("beta", "a.py", "new/deep/c.py")
    (root / "new").rename(root / "newer")
    kept.finds("beta", "a.py", "newer/deep/c.py")
    (root / "a.py").unlink()
    shutil.rmtree(root / "newer")
    kept.finds("beta")
    assert kept.found("alpha") == ["pkg/b.py"]
    # All of this was done file by file.
    assert kept.phases().count("indexing") == 1


@linux
def test_rules_are_followed(root: Path, keep: Keep) -> None:
    make(root, "a.py", "out/b.py", text="alpha\n")
    kept = keep().start()
    make(root, ".gitignore", text="out/\n")
    kept.finds("alpha", "a.py")
    (root / ".gitignore").unlink()
    kept.finds("alpha", "a.py", "out/b.py")


@linux
def test_many_files_are_one_pass(root: Path, keep: Keep) -> None:
    make(root, "a.py", text="alpha\n")
    kept = keep().start()
    paths = [f"d{number % 30}/f{number}.py" for number in range(2000)]
    make(root, *paths, text="beta\n")
    kept.until(lambda: kept.files() == sorted(["a.py", *paths]))
    assert 2 <= kept.phases().count("indexing") <= 4


@linux
@pytest.mark.parametrize("seed", range(4))
def test_after_a_storm_the_index_is_as_a_fresh_one(
    root: Path, tmp_path: Path, keep: Keep, seed: int
) -> None:
    chance = random.Random(seed)
    for folder in FOLDERS:
        make(root, f"{folder}/x.py".lstrip("/"), text=f"start_{len(folder)}\n")
    kept = keep().start()
    for _ in storm(root, chance, 150):
        if chance.random() < 0.1:
            time.sleep(chance.random() * 0.1)
    with Writer.open(root, tmp_path / "fresh") as writer:
        bring_up_to_date(writer, str(root))
    truth = what_is_indexed(root, tmp_path / "fresh")
    kept.until(lambda: what_is_indexed(root, kept.cache) == truth)


def what_is_indexed(root: Path, cache: Path) -> dict[str, list[tuple]]:
    found = without_ids(content(root, cache))
    # The time of a file is only kept once it is settled.
    return found | {"files": [(*row[:3], *row[4:]) for row in found["files"]]}


def test_an_open_buffer_wins_over_the_disk(root: Path, keep: Keep) -> None:
    make(root, "a.py", "b.py", text="alpha\n")
    kept = keep().start()
    kept.keeper.hold("a.py", "typed\n")
    kept.finds("typed", "a.py")
    assert kept.found("alpha") == ["b.py"]
    # Neither a saved file, nor a pass, nor a file that is deleted changes that.
    make(root, "a.py", text="saved\n")
    make(root, "marker.py", text="marker\n")
    kept.keeper.changed(["a.py", "marker.py"])
    kept.finds("marker", "marker.py")
    kept.keeper.rebuild()
    kept.until(lambda: kept.phases().count("indexing") == 2)
    kept.finds("typed", "a.py")
    (root / "a.py").unlink()
    make(root, "marker.py", text="second\n")
    kept.keeper.changed(["a.py", "marker.py"])
    kept.finds("second", "marker.py")
    assert kept.found("typed") == ["a.py"]
    assert kept.found("saved") == []
    kept.keeper.let_go("a.py")
    kept.finds("typed")
    make(root, "a.py", text="saved again\n")
    kept.keeper.changed(["a.py"])
    kept.finds("saved", "a.py")


def test_a_buffer_that_is_closed_unsaved_leaves_the_disk(root: Path, keep: Keep) -> None:
    make(root, "a.py", text="alpha\n")
    os.utime(root / "a.py", ns=(1, 1))
    kept = keep().start()
    kept.keeper.hold("a.py", "typed\n")
    kept.finds("typed", "a.py")
    kept.keeper.let_go("a.py")
    kept.finds("alpha", "a.py")
    assert kept.found("typed") == []


def test_what_is_ignored_is_not_indexed_because_it_is_open(root: Path, keep: Keep) -> None:
    make(root, "a.py", text="alpha\n")
    make(root, ".gitignore", text="secret.py\n")
    kept = keep().start()
    for path in ("secret.py", "../outside.py", "node_modules/a.js", "/abs.py", "picture.png"):
        kept.keeper.hold(path, "typed\n")
    kept.keeper.hold("a.py", "typed\n")
    kept.finds("typed", "a.py")


def test_where_there_are_no_events_files_are_looked_at(root: Path, keep: Keep) -> None:
    make(root, "a.py", "gone.py", text="alpha\n")
    opener = Opener()
    opener.refuses = True
    pace = Pace(poll_every_s=0.05, poll_every_at_most_s=0.1)
    kept = keep(open_watches=opener, pace=pace).start()
    assert "events" in kept.notes()[0]
    make(root, "pkg/b.py", "a.py", text="beta words\n")
    (root / "gone.py").unlink()
    kept.finds("beta", "a.py", "pkg/b.py")
    kept.finds("alpha")
    kept.stop()
    assert len(kept.notes()) == 1


def test_on_a_network_file_system_there_are_no_watches_and_no_note(root: Path, keep: Keep) -> None:
    table = f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / {os.path.realpath(root)} rw - nfs4 x rw\n"
    opener = Opener()
    pace = Pace(poll_every_s=0.05, poll_every_at_most_s=0.1)
    kept = keep(open_watches=opener, pace=pace, mount_table=table).start()
    make(root, "a.py", text="alpha\n")
    kept.finds("alpha", "a.py")
    assert not opener.opened
    assert kept.notes() == []


@linux
def test_a_limit_of_watches_is_told_and_polling_finds_the_rest(root: Path, keep: Keep) -> None:
    make(root, *(f"d{number}/a.py" for number in range(9)), text="alpha\n")
    opener = Opener(limit=3)
    kept = keep(open_watches=opener, pace=Pace(poll_every_s=0.05, poll_every_at_most_s=0.1))
    kept.start()
    assert "3 of 10 folders" in kept.notes()[0]
    make(root, "d8/a.py", text="beta\n")
    kept.finds("beta", "d8/a.py")


@linux
def test_a_slow_sweep_repairs_what_no_event_told(root: Path, keep: Keep) -> None:
    make(root, "a.py", text="alpha\n")
    kept = keep(pace=Pace(sweep_every_s=0.05)).start()
    # Written through a descriptor that is never closed: there is no event.
    with (root / "a.py").open("w") as file:
        file.write("beta words\n")
        file.flush()
        kept.finds("beta", "a.py")


@linux
def test_a_root_that_goes_keeps_its_index_until_it_is_back(
    root: Path, tmp_path: Path, keep: Keep
) -> None:
    make(root, "a.py", text="alpha\n")
    kept = keep().start()
    root.rename(tmp_path / "away")
    kept.phase("gone")
    make(tmp_path / "away", "b.py", text="beta\n")
    (tmp_path / "away").rename(root)
    kept.phase("ready")
    kept.finds("beta", "b.py")
    assert kept.found("alpha") == ["a.py"]


def test_a_root_that_is_not_there_is_waited_for(root: Path, keep: Keep) -> None:
    root.rmdir()
    kept = keep()
    kept.keeper.start()
    kept.phase("gone")
    make(root, "a.py", text="alpha\n")
    kept.phase("ready")
    assert kept.found("alpha") == ["a.py"]


def test_another_writer_is_waited_for(root: Path, tmp_path: Path, keep: Keep) -> None:
    make(root, "a.py", text="alpha\n")
    kept = keep(pace=NO_SWEEP._replace(busy_again_s=0.05))
    with Writer.open(root, tmp_path / "cache"):
        kept.keeper.start()
        kept.phase("waiting")
    kept.phase("ready")
    assert kept.found("alpha") == ["a.py"]


def test_a_keeper_that_waits_stops_at_once(root: Path, tmp_path: Path, keep: Keep) -> None:
    kept = keep(pace=NO_SWEEP._replace(busy_again_s=10**6))
    with Writer.open(root, tmp_path / "cache"):
        kept.keeper.start()
        kept.phase("waiting")
        kept.stop()


def test_a_pass_is_stopped_in_the_middle(root: Path, tmp_path: Path, keep: Keep) -> None:
    make(root, *(f"{number}.py" for number in range(100)), text="alpha\n")
    kept = keep(pace=NO_SWEEP._replace(progress_every_s=0.0))
    begun = threading.Event()

    def tell(report: Report) -> None:
        kept.reports.append(report)
        if report == Progress(3, 100):
            kept.keeper.stop()
            begun.set()

    kept.keeper._tell_user = tell
    kept.keeper.start()
    assert begun.wait(PATIENCE_S)
    assert kept.keeper.join(PATIENCE_S)
    assert Progress(100, 100) not in kept.reports
    # The lock is free again, and what was applied is there.
    with Writer.open(root, tmp_path / "cache") as writer:
        assert 0 < len(writer.known()) < 100


def test_a_pass_that_is_stopped_leaves_the_rest_to_the_next_one(root: Path, keep: Keep) -> None:
    make(root, *(f"{number}.py" for number in range(100)), text="alpha\n")
    pace = NO_SWEEP._replace(progress_every_s=0.0, sweep_every_s=0.0)
    kept = keep(pace=pace)

    def tell(report: Report) -> None:
        if report == Progress(3, 100) and report not in kept.reports:
            kept.keeper.stop_pass()
        kept.reports.append(report)

    kept.keeper._tell_user = tell
    kept.start()
    n_files = len(kept.files())
    assert 0 < n_files < 100
    # What changes is followed, and no sweep does what was stopped.
    make(root, "new.py", text="beta\n")
    kept.keeper.changed(["new.py"])
    kept.finds("beta", "new.py")
    assert len(kept.files()) == n_files + 1
    kept.keeper.stop_pass()
    make(root, ".gitignore", text="new.py\n")
    kept.keeper.changed([".gitignore"])
    kept.until(lambda: len(kept.files()) == 100)


def test_a_command_may_ask_for_another_index(root: Path, tmp_path: Path, keep: Keep) -> None:
    make(root, "a.py", text="alpha\n")
    kept = keep().start()
    place = place_of(root, tmp_path / "cache")
    ask_to_rebuild(place)
    kept.until(lambda: kept.phases().count("ready") == 2)
    assert not place.wish.exists()
    assert kept.found("alpha") == ["a.py"]


def test_a_large_pass_uses_several_processes(root: Path, tmp_path: Path, keep: Keep) -> None:
    make(root, *(f"{number}.py" for number in range(200)), text="alpha\n")
    spawn = makers.Spawn(tmp_path / "mark")
    kept = keep(spawn=spawn).start()
    assert len(kept.files()) == 200
    assert spawn.started
    kept.stop()


def test_quiet_moments_are_used_to_tidy(
    root: Path, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    tidied = threading.Event()
    make(root, "a.py", text="alpha\n")
    kept = keep(pace=NO_SWEEP._replace(tidy_after_s=0.05)).start()
    monkeypatch.setattr(Writer, "tidy", lambda self: tidied.set())
    kept.keeper.changed(["a.py"])
    make(root, "a.py", text="beta\n")
    kept.keeper.changed(["a.py"])
    assert tidied.wait(PATIENCE_S)


def test_a_defect_ends_the_keeper_with_a_note(
    root: Path, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indoors_indexing.build.bring_up_to_date", lambda *_, **__: 1 / 0)
    kept = keep()
    kept.keeper.start()
    assert kept.keeper.join(PATIENCE_S)
    assert kept.notes() == ["The index of this folder has stopped: ZeroDivisionError."]
    assert kept.phases()[-1] == "off"
