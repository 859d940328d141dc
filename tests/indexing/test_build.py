"""Bringing an index up to date: what changed is done, what did not is not, and nothing is left."""

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from indoors_indexing import build
from indoors_indexing.build import bring_up_to_date, update
from indoors_indexing.maker import Result, Task
from indoors_indexing.store import Reader, StoreReset, Writer
from support import makers, pass_child, processes
from support.index_records import content, without_ids
from support.makers import Spawn

OLD = 1_600_000_000_000_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def put(root: Path, path: str, text: str, mtime_ns: int = OLD) -> None:
    """Write a file that changed long ago, so that its time tells its changes."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)
    os.utime(root / path, ns=(mtime_ns, mtime_ns))


def found(root: Path, cache: Path, word: str) -> list[str]:
    with Reader.open(root, cache) as reader:
        return sorted({hit.path for hit in reader.containing(word)})


def check_equal_to_fresh(root: Path, cache: Path, fresh: Path) -> None:
    with Writer.open(root, fresh) as writer:
        bring_up_to_date(writer, str(root))
    assert without_ids(content(root, cache)) == without_ids(content(root, fresh))


def test_the_first_pass_does_all_and_the_second_nothing(root: Path, cache: Path) -> None:
    put(root, "a.py", "alpha = 1\n")
    put(root, "sub/b.md", "alpha prose\n")
    put(root, "noise.py", "x\0")
    steps: list[tuple[int, int]] = []
    with Writer.open(root, cache) as writer:
        assert not writer.is_complete
        outcome = bring_up_to_date(
            writer, str(root), progress=lambda done, total: steps.append((done, total))
        )
        assert outcome[:4] == (3, 3, 0, 0)
        assert outcome.is_complete
        assert writer.is_complete
        assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]
        assert found(root, cache, "alpha") == ["a.py", "sub/b.md"]
        assert bring_up_to_date(writer, str(root))[:4] == (3, 0, 0, 0)


def test_a_pass_finds_changes_of_every_kind(root: Path, cache: Path, tmp_path: Path) -> None:
    for name in ("kept", "changed", "removed", "touched", "ignored"):
        put(root, f"{name}.py", f"{name}_word\n")
    with Writer.open(root, cache) as writer:
        bring_up_to_date(writer, str(root))
        put(root, "changed.py", "altered_word\n", OLD + 1)
        put(root, "touched.py", "touched_word\n", OLD + 1)
        put(root, "new.py", "new_word\n")
        put(root, ".gitignore", "ignored.py\n")
        (root / "removed.py").unlink()
        assert bring_up_to_date(writer, str(root))[:4] == (4, 2, 1, 2)
        assert found(root, cache, "altered_word") == ["changed.py"]
        for word in ("changed_word", "removed_word", "ignored_word"):
            assert found(root, cache, word) == []
    check_equal_to_fresh(root, cache, tmp_path / "fresh")


def test_a_change_within_the_same_moment_is_not_missed(root: Path, cache: Path) -> None:
    (root / "a.py").write_text("before\n")
    status = (root / "a.py").stat()
    with Writer.open(root, cache) as writer:
        bring_up_to_date(writer, str(root))
        (root / "a.py").write_text("behind\n")
        os.utime(root / "a.py", ns=(status.st_mtime_ns, status.st_mtime_ns))
        assert bring_up_to_date(writer, str(root)).n_changed == 1
        assert found(root, cache, "behind") == ["a.py"]


def test_a_stopped_pass_goes_on_where_it_was(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_BATCH_S", 0.0)
    for n in range(20):
        put(root, f"{n:02}.py", f"word{n}\n")
    steps: list[int] = []
    with Writer.open(root, cache) as writer:
        bring_up_to_date(writer, str(root))
        for n in range(20):
            put(root, f"{n:02}.py", f"other{n}\n")
        (root / "19.py").unlink()
        outcome = bring_up_to_date(
            writer,
            str(root),
            progress=lambda done, total: steps.append(done),
            cancelled=lambda: len(steps) > 5,
        )
        assert not outcome.is_complete
        assert 0 < outcome.n_changed < 19
        # The walk was whole, so what is gone is gone.
        assert "19.py" not in writer.known()
        rest = bring_up_to_date(writer, str(root))
        assert rest.n_changed == 19 - outcome.n_changed
        assert rest.is_complete


def test_a_walk_that_was_stopped_removes_nothing(root: Path, cache: Path) -> None:
    put(root, "a/a.py", "alpha\n")
    with Writer.open(root, cache) as writer:
        bring_up_to_date(writer, str(root))
        outcome = bring_up_to_date(writer, str(root), cancelled=lambda: True)
        assert outcome.n_removed == 0
        assert "a/a.py" in writer.known()


def test_a_pass_removes_what_other_roots_left_behind(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    Writer.open(tmp_path / "other", cache).close()
    (tmp_path / "other").rmdir()
    with Writer.open(root, cache) as writer:
        assert len(list((cache / "index").glob("*.db"))) == 2
        bring_up_to_date(writer, str(root))
        assert len(list((cache / "index").glob("*.db"))) == 1


def test_a_root_that_is_gone_keeps_its_index(root: Path, cache: Path) -> None:
    put(root, "a.py", "alpha\n")
    with Writer.open(root, cache) as writer:
        bring_up_to_date(writer, str(root))
        shutil.rmtree(root)
        outcome = bring_up_to_date(writer, str(root))
        assert outcome.notes == ("The folder cannot be read: its index stays as it is.",)
        assert "a.py" in writer.known()


def test_a_database_that_is_lost_in_a_pass_is_filled_again(root: Path, cache: Path) -> None:
    for n in range(5):
        put(root, f"{n}.py", "alpha\n")
    with Writer.open(root, cache) as writer:
        bring_up_to_date(writer, str(root))
        put(root, "new.py", "alpha\n")
        real, lost = writer.apply, []

        def lose(records) -> None:
            if not lost:
                lost.append(True)
                writer.rebuild()
                raise StoreReset("lost")
            real(records)

        writer.apply = lose
        outcome = bring_up_to_date(writer, str(root))
        assert (outcome.n_changed, outcome.is_complete) == (6, True)
    assert len(found(root, cache, "alpha")) == 6


def test_a_large_pass_in_several_processes_equals_one_in_this(
    root: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_POOL_FROM_FILES", 1)
    for n in range(80):
        put(root, f"{n}.py", f"def name{n}():\n    return other{n}\n" * 5)
    put(root, "kill.py", "x\n")
    spawn = Spawn(tmp_path / "mark")
    with Writer.open(root, cache) as writer:
        outcome = bring_up_to_date(writer, str(root), spawn=spawn)
        assert (outcome.n_files, outcome.is_complete, outcome.notes) == (81, True, ())
        # What killed a process is not tried again before it changes.
        assert bring_up_to_date(writer, str(root), spawn=spawn)[:4] == (81, 0, 0, 0)
        (root / "kill.py").unlink()
        bring_up_to_date(writer, str(root), spawn=spawn)
    check_equal_to_fresh(root, cache, tmp_path / "fresh")


def test_processes_that_do_not_start_cost_time_and_nothing_else(
    root: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_POOL_FROM_FILES", 1)
    put(root, "a.py", "alpha\n")
    with Writer.open(root, cache) as writer:
        spawn = Spawn(tmp_path, sys.executable, "-c", "")
        outcome = bring_up_to_date(writer, str(root), spawn=spawn)
        assert outcome.is_complete
        assert len(outcome.notes) == 1
    assert found(root, cache, "alpha") == ["a.py"]


def test_an_index_at_its_limit_leaves_out_the_rest(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indoors_indexing.store.MAX_DATABASE_BYTES", 1)
    monkeypatch.setattr(build, "_BATCH_S", 0.0)
    for n in range(5):
        put(root, f"{n}.py", "alpha\n")
    with Writer.open(root, cache) as writer:
        outcome = bring_up_to_date(writer, str(root))
    assert (outcome.n_changed, outcome.is_complete) == (1, False)
    assert len(outcome.notes) == 1


def test_a_pass_that_is_killed_again_and_again_ends_where_a_fresh_one_does(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    rng = random.Random(11)
    places = os.pathsep.join(str(makers.ROOT / part) for part in ("tests", "indexing"))
    for round_ in range(6):
        for n in rng.sample(range(300), 150):
            put(root, f"{n % 7}/{n}.py", f"word{n} round{round_}\n" * 20, OLD + round_)
        for n in rng.sample(range(300), 20):
            (root / f"{n % 7}/{n}.py").unlink(missing_ok=True)
        child = subprocess.Popen(
            [sys.executable, pass_child.__file__, str(root), str(cache)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={"PYTHONPATH": places, "PATH": os.environ["PATH"]},
        )
        assert child.stdout.readline() == "\n", "the index was made anew"
        time.sleep(rng.random() * 0.5)
        child.kill()
        child.communicate()
        # The makers go with the one that started them.
        session = child.pid
        processes.wait_until(lambda session=session: not processes.in_session(session), 20, "gone")
    with Writer.open(root, cache) as writer:
        assert writer.notes == []
        bring_up_to_date(writer, str(root))
    check_equal_to_fresh(root, cache, tmp_path / "fresh")


# --- single paths -----------------------------------------------------------------------------


def test_a_saved_file_is_found_at_once(root: Path, cache: Path, tmp_path: Path) -> None:
    put(root, "a.py", "alpha\n")
    put(root, "b.py", "beta\n")
    with Writer.open(root, cache) as writer:
        bring_up_to_date(writer, str(root))
        put(root, "a.py", "altered\n", OLD + 1)
        put(root, "c.py", "gamma\n")
        (root / "b.py").unlink()
        assert update(writer, str(root), ["a.py", "b.py", "c.py", "a.py"]) == (2, 1, False)
        assert found(root, cache, "altered") == ["a.py"]
        assert found(root, cache, "beta") == []
        assert update(writer, str(root), ["a.py"]) == (0, 0, False)
    check_equal_to_fresh(root, cache, tmp_path / "fresh")


def test_an_update_indexes_only_what_a_pass_would(root: Path, cache: Path, tmp_path: Path) -> None:
    (root / "link.py").symlink_to("a.py")
    os.mkfifo(root / "fifo.py")
    put(root, ".gitignore", "secret.py\n/private\n")
    paths = [
        "a.py", "secret.py", "private/b.py", "node_modules/c.js", "env/d.py", ".git/e.py",
        "f.png", "deep/down/g.py",
    ]  # fmt: skip
    for path in paths:
        put(root, path, "alpha\n")
    put(root, "env/pyvenv.cfg", "")
    strange = [
        "../outside.py",
        "/etc/passwd.py",
        "",
        "nothing.py",
        "link.py",
        "fifo.py",
        "\udcff.py",
    ]
    with Writer.open(root, cache) as writer:
        assert update(writer, str(root), [*paths, *strange]).n_changed == 2
    assert found(root, cache, "alpha") == ["a.py", "deep/down/g.py"]


def test_folders_and_rules_ask_for_a_pass(root: Path, cache: Path) -> None:
    put(root, "sub/a.py", "alpha\n")
    put(root, "sub/deep/b.py", "alpha\n")
    put(root, "subway.py", "alpha\n")
    put(root, ".gitignore", "")
    with Writer.open(root, cache) as writer:
        bring_up_to_date(writer, str(root))
        assert update(writer, str(root), ["sub"]) == (0, 0, True)
        assert update(writer, str(root), [".gitignore"]).needs_pass
        assert update(writer, str(root), ["x/.indoorsignore"]).needs_pass
        shutil.rmtree(root / "sub")
        assert update(writer, str(root), ["sub"]) == (0, 2, False)
        assert list(writer.known()) == ["subway.py"]
        shutil.rmtree(root)
        assert update(writer, str(root), ["subway.py"]).needs_pass


def test_random_changes_end_where_a_fresh_index_is(root: Path, cache: Path, tmp_path: Path) -> None:
    rng = random.Random(7)
    with Writer.open(root, cache) as writer:
        for step in range(60):
            path = rng.choice(("a.py", "b.md", "sub/c.py", "sub/d/e.go", "node_modules/f.js"))
            if rng.random() < 0.3 and (root / path).exists():
                (root / path).unlink()
            else:
                put(root, path, f"word{step} common\n" * rng.randrange(1, 99), OLD + step)
            if rng.random() < 0.7:
                update(writer, str(root), [path])
            else:
                bring_up_to_date(writer, str(root))
        bring_up_to_date(writer, str(root))
    check_equal_to_fresh(root, cache, tmp_path / "fresh")


def test_what_a_maker_cannot_read_is_tried_again(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root, "a.py", "alpha\n")
    real = build.make
    denied = build.make(-1, Task("a.py")).record
    assert denied is not None
    assert denied.skipped == "unreadable"
    monkeypatch.setattr(build, "make", lambda root, task: Result(task.path, denied))
    with Writer.open(root, cache) as writer:
        assert bring_up_to_date(writer, str(root)).n_changed == 1
        monkeypatch.setattr(build, "make", real)
        assert bring_up_to_date(writer, str(root)).n_changed == 1
    assert found(root, cache, "alpha") == ["a.py"]
