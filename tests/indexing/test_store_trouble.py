"""The store when all goes wrong: no file, no disk and no death of a process is fatal."""

import contextlib
import os
import random
import resource
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from indoors_indexing import store_files, store_schema
from indoors_indexing.store import Reader, StoreReset, StoreUnavailable, Writer
from support import index_child
from support.index_records import content, full_record, record, without_ids

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def database(root: Path, cache: Path) -> Path:
    return store_files.place_of(root, cache).database


def written(root: Path, cache: Path, n: int = 30) -> Path:
    with Writer.open(root, cache) as writer:
        writer.apply([record(f"{n}.py", f"word{n} alpha\n" * 30) for n in range(n)])
        writer.apply([full_record()])
    return database(root, cache)


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(20_000))


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def cut_to_a_header(path: Path) -> None:
    os.truncate(path, 100)


def foreign(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")
        connection.execute("PRAGMA application_id = 1")
        connection.commit()


def foreign_without_a_name(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE files (path)")


def newer(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(store_schema.MIGRATIONS) + 1}")


def half_migrated(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 0")


def without_a_table(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE bases")


def without_its_state(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM state")
        connection.commit()


def with_another_shape(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE files DROP COLUMN hash")


def about_another_root(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE state SET root = x'2f'")
        connection.commit()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pages_of_noise(path: Path) -> None:
    """The header is whole and everything behind it is not."""
    with path.open("r+b") as stream:
        stream.seek(4096)
        stream.write(random.Random(2).randbytes(path.stat().st_size - 4096))


@pytest.mark.parametrize(
    "damage",
    [
        garbage, truncated, cut_to_a_header, foreign, foreign_without_a_name, newer, half_migrated,
        without_a_table, without_its_state, about_another_root, a_folder, pages_of_noise,
        with_another_shape,
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_made_anew_and_told_once(root: Path, cache: Path, damage) -> None:
    damage(written(root, cache))
    with Reader.open(root, cache) as reader:
        reader.search(["alpha"])  # whatever it says, it does not raise
        with Writer.open(root, cache) as writer:
            for _ in range(2):
                try:
                    writer.known()
                    writer.apply([record("new.py", "alpha\n")])
                    break
                except StoreReset:
                    continue
            assert [note.split(":")[0] for note in writer.notes] in (
                ["The index of this folder is made anew"], [],
            )  # fmt: skip
            assert not writer.in_memory
            assert "new.py" in writer.known()
            assert "new.py" in [hit.path for hit in reader.search(["alpha"])]
    with Writer.open(root, cache) as writer:
        assert writer.notes == []
        assert list(writer.known()) == ["new.py"]


def test_damage_that_shows_later_empties_the_database_and_says_so(root: Path, cache: Path) -> None:
    path = written(root, cache)
    with Writer.open(root, cache) as writer:
        connection = sqlite3.connect(path)
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'chunk_words_data'"
        ).fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        with path.open("r+b") as stream:
            stream.seek((page - 1) * 4096)
            stream.write(b"\xff" * 4096)
        writer._connection.execute("PRAGMA cache_size = 0")
        writer._connection.execute("PRAGMA shrink_memory")
        with pytest.raises(StoreReset):
            writer.apply([record("a.py", "beta\n")])
        assert writer.known() == {}
        writer.apply([record("a.py", "beta\n")])
        assert len(writer.notes) == 1


def test_a_foreign_lock_is_not_waited_for_long(root: Path, cache: Path) -> None:
    path = written(root, cache)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with Writer.open(root, cache, wait_s=0.05) as writer:
        assert writer.notes == ["The index of this folder is made anew: another program holds it."]
        writer.apply([record("a.py", "alpha\n")])
        assert list(writer.known()) == ["a.py"]
    other.close()


def test_migrations_run_one_by_one_and_none_is_left_half_done(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.touch()
    more = (*store_schema.MIGRATIONS, ("CREATE TABLE more (a)", "CREATE TABLE more (a)"))
    connection = store_schema.connect(path)
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        store_schema.prepare(connection, b"/", 0, more)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert "files" in names
    assert "more" not in names
    store_schema.prepare(connection, b"/", 0)
    connection.close()


# --- no room ----------------------------------------------------------------------------------


def test_a_full_disk_is_survived_in_memory_with_all_that_was_known(root: Path, cache: Path) -> None:
    written(root, cache)
    with Writer.open(root, cache) as writer:
        writer._connection.execute("PRAGMA max_page_count = 1")
        writer.apply([record(f"new{n}.py", f"beta{n} gamma\n" * 300) for n in range(100)])
        assert writer.in_memory
        assert writer.notes == ["The index of this folder is kept in memory: the disk is full."]
        reader = writer.reader()
        assert len(writer.known()) == 131
        assert {hit.path for hit in reader.search(["beta7"])} == {"new7.py"}
        assert reader.definitions_named(["read_line"])
        writer.remove(["new7.py"])
        assert reader.search(["beta7"]) == []
        reader.close()
        assert len(writer.known()) == 130


LIMITED = """
import sys
from pathlib import Path
from indoors_indexing.store import Writer
from support.index_records import record
writer = Writer.open(Path(sys.argv[1]), Path(sys.argv[2]))
writer.apply([record(f"{n}.py", f"word{n} " * 400 + "\\n") for n in range(300)])
writer.apply([record("last.py", "needle\\n")])
found = [hit.path for hit in writer.reader().search(["needle"])]
print(len(writer.known()), writer.in_memory, found, writer.notes)
writer.close()
"""


@pytest.mark.parametrize("limit", [0, 50_000, 150_000])
def test_a_limit_on_the_size_of_files_is_a_full_disk(root: Path, cache: Path, limit: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(root), str(cache)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        env=child_environment(),
    )
    assert done.stdout.strip() == (
        "301 True ['last.py'] ['The index of this folder is kept in memory: the disk is full.']"
    )


def test_a_cache_that_cannot_be_made_is_survived_in_memory(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with Writer.open(root, tmp_path / "file" / "cache") as writer:
        writer.apply([record("a.py", "alpha\n")])
        assert writer.in_memory
        assert writer.notes == ["The index of this folder is kept in memory: it cannot be written."]
        assert [hit.path for hit in writer.reader().search(["alpha"])] == ["a.py"]
        writer.rebuild()
        assert writer.known() == {}


def test_an_sqlite_that_cannot_search_is_said_and_locks_nothing(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        lacking = (("CREATE VIRTUAL TABLE a USING no_such_module (b)",),)
        without.setattr(store_schema.prepare, "__defaults__", (lacking,))
        with pytest.raises(StoreUnavailable, match="no such module"):
            Writer.open(root, cache)
    with Writer.open(root, cache) as writer:
        assert not writer.in_memory


def test_a_network_file_system_gets_the_other_journal_and_is_told_once(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_files, "is_on_network", lambda path: True)
    with Writer.open(root, cache) as writer, Reader.open(root, cache) as reader:
        writer.apply([record("a.py", "alpha\n")])
        assert len(writer.notes) == 1
        assert "network" in writer.notes[0]
        assert len(reader.search(["alpha"])) == 1
        assert not list((cache / "index").glob("*-wal"))
        writer.rebuild()
        assert len(writer.notes) == 1


# --- killed -----------------------------------------------------------------------------------


def child_environment() -> dict[str, str]:
    places = [str(ROOT / part) for part in ("tests", "indexing")]
    return {"PYTHONPATH": os.pathsep.join(places), "PATH": os.environ["PATH"]}


def state_after(last: str) -> dict[str, str]:
    """What files must be there after an event, as the child prints it."""
    what, _, number = last.partition(" ")
    files: dict[str, str] = {}
    for n in range(int(number or -1) + 1):
        files.update(index_child.batch(n))
        if n < int(number) or what == "removed":
            for path in index_child.removed(n):
                files.pop(path, None)
    return files


def next_event(last: str) -> str:
    what, _, number = last.partition(" ")
    if not last:
        return "applied 0"
    return f"removed {number}" if what == "applied" else f"applied {int(number) + 1}"


def test_a_killed_writer_leaves_what_was_before_or_after(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    """A real process is killed at random points, again and again on the same database."""
    rng = random.Random(4)
    last = ""
    for _ in range(8):
        first = int(last.partition(" ")[2] or -1) + 1
        child = subprocess.Popen(
            [sys.executable, index_child.__file__, str(root), str(cache), str(first)],
            stdout=subprocess.PIPE,
            text=True,
            env=child_environment(),
        )
        line = child.stdout.readline()
        time.sleep(rng.random() * 0.15)
        child.kill()
        lines = [line, *child.stdout]
        child.wait()
        child.stdout.close()
        events = [line.strip() for line in lines if line.endswith("\n")]
        assert not [event for event in events if event.startswith("note")], events
        last = events[-1] if events else last
        before, after = state_after(last), state_after(next_event(last))
        with Writer.open(root, cache) as writer:
            assert writer.notes == []
            paths = writer.known()
        assert set(paths) in (set(before), set(after))
        found = content(root, cache)
        # The batch may be in the database although its line never came.
        for n, expected in enumerate((before, after)):
            fresh = tmp_path / f"fresh{n}"
            with Writer.open(root, fresh) as writer:
                writer.apply([record(path, text) for path, text in sorted(expected.items())])
            if without_ids(content(root, fresh)) == without_ids(found):
                if n:
                    last = next_event(last)
                break
            store_files.discard(database(root, fresh))
        else:
            raise AssertionError(f"neither before nor after {last}")
        store_files.discard(database(root, tmp_path / "fresh0"))
        store_files.discard(database(root, tmp_path / "fresh1"))
        if last.startswith("applied"):
            # The next child begins with a new batch: do here what this one did not come to.
            number = int(last.partition(" ")[2])
            with Writer.open(root, cache) as writer:
                writer.remove(index_child.removed(number))
            last = f"removed {number}"
