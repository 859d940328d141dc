"""The store when all goes well: what is written is found, and only that."""

import os
import stat
from pathlib import Path

import pytest

from indoors_indexing import store_files, store_rows
from indoors_indexing.records import Known
from indoors_indexing.store import Reader, Writer, WriterBusy
from support.index_records import content, definition, full_record, record


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_all_that_a_record_says_is_found_again(root: Path, cache: Path) -> None:
    given = full_record()
    assert given.facts is not None
    with Writer.open(root, cache) as writer, Reader.open(root, cache) as reader:
        writer.apply([given, record("b.md", "prose\n", language="markdown", facts=None)])
        assert writer.notes == []
        assert reader.definitions_in("pkg/a.py") == list(given.facts.definitions)
        assert reader.imports_of("pkg/a.py") == list(given.facts.imports)
        assert reader.bases_in("pkg/a.py") == list(given.facts.bases)
        assert reader.definitions_of("pkg/a.py", "read_line") == [given.facts.definitions[1]]
        assert reader.definitions_named(["read_line", "nothing"]) == [
            ("pkg/a.py", given.facts.definitions[1])
        ]
        assert reader.importers_of(["a.b"]) == [("pkg/a.py", given.facts.imports[0])]
        assert reader.derived_from(["Base"]) == [("pkg/a.py", given.facts.bases[0])]
        assert [file.path for file in reader.files()] == ["b.md", "pkg/a.py"]
        assert reader.paths() == ["b.md", "pkg/a.py"]
        file = reader.file("pkg/a.py")
        assert file is not None
        assert (file.size, file.hash, file.has_errors) == (given.size, given.hash, True)
        assert reader.chunks_in("pkg/a.py") == [(0, given.size)]
        assert reader.counts()[:5] == (2, 0, 3, 2, 2)
        assert writer.known()["b.md"] == Known(6, 1, reader.file("b.md").hash)


def test_a_file_is_replaced_whole(root: Path, cache: Path) -> None:
    with Writer.open(root, cache) as writer, Reader.open(root, cache) as reader:
        writer.apply([full_record("a.py"), record("b.py", "beta\n")])
        writer.apply([record("a.py", "gamma\n", definitions=[definition("new")])])
        assert reader.definitions_named(["read_line"]) == []
        assert reader.imports_of("a.py") == reader.bases_in("a.py") == []
        assert [hit.path for hit in reader.search(["gamma"])] == ["a.py"]
        assert reader.search(["read_line"]) == []
        writer.remove(["a.py", "never.py"])
        assert reader.search(["gamma"]) == []
        assert reader.definitions_named(["new"]) == []
        assert [file.path for file in reader.files()] == ["b.py"]


def test_a_path_that_comes_twice_counts_as_it_came_last(root: Path, cache: Path) -> None:
    with Writer.open(root, cache) as writer, Reader.open(root, cache) as reader:
        writer.apply([record("a.py", "one\n"), record("a.py", "two\n")])
        assert reader.search(["one"]) == []
        assert len(reader.search(["two"])) == 1


def test_a_skipped_file_is_remembered_and_not_found(root: Path, cache: Path) -> None:
    with Writer.open(root, cache) as writer, Reader.open(root, cache) as reader:
        writer.apply([record("a.py", skipped="binary", facts=None, chunks=())])
        assert "a.py" in writer.known()
        assert reader.files() == []
        assert reader.file("a.py") is None
        assert reader.counts().n_skipped == 1


def test_a_touched_file_keeps_its_content(root: Path, cache: Path) -> None:
    with Writer.open(root, cache) as writer, Reader.open(root, cache) as reader:
        writer.apply([record("a.py", "alpha\n")])
        writer.touch([("a.py", 7, 99)])
        assert writer.known()["a.py"][:2] == (7, 99)
        assert len(reader.search(["alpha"])) == 1


def test_a_search_ranks_by_what_is_rare(root: Path, cache: Path) -> None:
    files = [record(f"{n}.py", "common words here\n") for n in range(20)]
    with Writer.open(root, cache) as writer, Reader.open(root, cache) as reader:
        writer.apply([*files, record("x.py", "common needle_in_hay\n")])
        hits = reader.search(["common", "needle"], limit=5)
        assert hits[0].path == "x.py"
        assert len(hits) == 5
        assert hits[0].score > hits[1].score
        assert [hit.path for hit in reader.search(["needle_in_hay"])] == ["x.py"]
        assert reader.search([]) == reader.search(["return", "x"]) == reader.search(["", '"']) == []
        assert [hit.path for hit in reader.containing("NEEDLE_in_hay")] == ["x.py"]
        assert reader.containing("common words") == []


def test_of_pieces_with_the_same_words_the_short_one_is_first(root: Path, cache: Path) -> None:
    long = "needle\n" + "other words stand here, too\n" * 80
    with Writer.open(root, cache) as writer, Reader.open(root, cache) as reader:
        writer.apply([record("a.py", long), record("b.py", "needle\n")])
        assert [hit.path for hit in reader.search(["needle"], 1)] == ["b.py"]


def test_what_is_held_is_one_moment(root: Path, cache: Path) -> None:
    with Writer.open(root, cache) as writer, Reader.open(root, cache) as reader:
        writer.apply([record("a.py", "alpha\n")])
        with reader.held():
            before = reader.version()
            assert reader.search(["alpha"])
            writer.apply([record("b.py", "beta\n")])
            assert reader.version() == before
            assert reader.search(["beta"]) == []
            reader.close()
            assert reader.search(["beta"])
        assert reader.version() != before
    with Reader.open(root, cache / "none") as reader, reader.held():
        assert reader.search(["beta"]) == []


def test_common_words_are_left_out_while_there_are_others(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indoors_indexing.store_words._COMMON", 5)
    files = [record(f"{n}.py", "common words\n") for n in range(20)]
    with Writer.open(root, cache) as writer, Reader.open(root, cache) as reader:
        writer.apply([*files, record("x.py", "needle\n")])
        assert [hit.path for hit in reader.search(["common", "needle"])] == ["x.py"]
        assert len(reader.search(["common"], limit=50)) == 20


def test_no_text_of_the_workspace_is_in_the_files(root: Path, cache: Path) -> None:
    with Writer.open(root, cache) as writer:
        writer.apply([record("a.py", "a very particular sentence\n")])
        for path in (cache / "index").iterdir():
            assert b"particular sentence" not in path.read_bytes()


def test_dead_rows_are_removed_when_they_are_many(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indoors_indexing.store._MIN_DEAD", 5)
    with Writer.open(root, cache) as writer, Reader.open(root, cache) as reader:
        for text in ("one\n", "two\n", "three\n", "four five\n"):
            writer.tidy()
            count = """SELECT (SELECT count(*) FROM chunk_words_docsize)
                - (SELECT count(*) FROM chunks) - n_dead FROM state"""
            assert reader._rows(count, ()) == [(0,)]
            writer.apply([record("a.py", text), record("b.py", text)])
        before = content(root, cache)
        monkeypatch.setattr("indoors_indexing.store._MERGE_FROM", 1)
        monkeypatch.setattr("indoors_indexing.store_rows._REMOVED_AT_ONCE", 3)
        writer.tidy()
        writer.tidy()
        assert content(root, cache) == before
        assert len(reader.search(["four"])) == 2
        rows = reader._rows("SELECT count(*) FROM chunk_words_docsize", ())
        assert rows == [(2,)]
        writer._change(
            lambda connection: connection.execute(
                "INSERT INTO chunk_words (chunk_words) VALUES ('integrity-check')"
            )
        )
        assert writer.notes == []


def test_files_are_private(root: Path, cache: Path) -> None:
    old = os.umask(0)
    try:
        with Writer.open(root, cache) as writer:
            writer.apply([record("a.py")])
            names = sorted(path.name[16:] for path in (cache / "index").iterdir())
            assert names == [".db", ".db-shm", ".db-wal", ".lock"]
            for path in (cache / "index").iterdir():
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE((cache / "index").stat().st_mode) == 0o700
    finally:
        os.umask(old)


def test_one_root_has_one_database_by_whatever_name(tmp_path: Path, root: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    place = store_files.place_of(root, tmp_path)
    assert store_files.place_of(tmp_path / "link", tmp_path) == place
    assert store_files.place_of(tmp_path / "root" / "..", tmp_path) != place


def test_the_second_writer_is_told_and_reads(root: Path, cache: Path) -> None:
    first = Writer.open(root, cache)
    with pytest.raises(WriterBusy):
        Writer.open(root, cache)
    first.apply([record("a.py", "alpha\n")])
    with Reader.open(root, cache) as reader:
        assert len(reader.search(["alpha"])) == 1
        first.close()
        with Writer.open(root, cache) as second:
            assert "a.py" in second.known()
            assert second.notes == []


def test_a_reader_may_come_first_and_sees_what_comes_later(root: Path, cache: Path) -> None:
    with Reader.open(root, cache) as reader:
        assert reader.search(["alpha"]) == reader.files() == reader.definitions_named(["a"]) == []
        assert reader.counts() == (0, 0, 0, 0, 0, False)
        with Writer.open(root, cache) as writer:
            writer.apply([record("a.py", "alpha\n")])
            assert len(reader.search(["alpha"])) == 1
            writer.rebuild()
            assert reader.search(["alpha"]) == []
            writer.apply([record("b.py", "alpha\n")])
            assert [hit.path for hit in reader.search(["alpha"])] == ["b.py"]
        # The writer is gone; what it wrote is not.
        assert len(reader.search(["alpha"])) == 1
    with Reader.open(root, cache) as later:
        assert len(later.search(["alpha"])) == 1


def test_a_reader_never_writes(root: Path, cache: Path) -> None:
    with Writer.open(root, cache) as writer, Reader.open(root, cache) as reader:
        writer.apply([record("a.py")])
        assert reader._rows("DELETE FROM files", ()) == []
        assert len(reader.files()) == 1


@pytest.mark.parametrize(
    ("base", "name"),
    [("Model", "Model"), ("models.Model[T]", "Model"), ("a::B<C>", "B"), ("f(x)", "f"), ("", "")],
)
def test_a_base_is_found_by_its_last_name(base: str, name: str) -> None:
    assert store_rows.base_name(base) == name


# --- places -----------------------------------------------------------------------------------

MOUNTS = """22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /home rw - nfs4 server:/home rw
31 30 0:41 / /home/me/local\\040disk rw - xfs /dev/sdb rw
32 22 0:42 / /mnt/c rw - 9p drvfs rw
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/cache", False), ("/home/me/.cache", True), ("/home/me/local disk/x", False),
        ("/homely", False), ("/mnt/c/x", True),
    ],
)  # fmt: skip
def test_the_mount_table_tells_what_is_on_the_network(path: str, expected: bool) -> None:
    assert store_files.is_on_network(Path(path), MOUNTS) == expected


def test_unused_and_vanished_roots_are_removed(tmp_path: Path, cache: Path) -> None:
    day = 24 * 3600
    for name, used in (("old", 0), ("new", 35 * day), ("gone", 40 * day), ("held", 0)):
        (tmp_path / name).mkdir()
        with Writer.open(tmp_path / name, cache, clock=lambda used=used: used) as writer:
            writer.apply([record("a.py")])
    (tmp_path / "gone").rmdir()
    (cache / "index/0123.db").write_bytes(b"garbage" * 1000)
    places = {
        name: store_files.place_of(tmp_path / name, cache)
        for name in ("old", "new", "gone", "held")
    }
    held = store_files.lock(places["held"].lock)
    assert held is not None
    pruned = store_files.prune(cache / "index", now=40 * day)
    assert pruned.n_removed == 3
    assert pruned.n_bytes > 0
    os.close(held)
    left = {path.stem for path in (cache / "index").iterdir()}
    assert left == {places["new"].database.stem, places["held"].database.stem}
    assert store_files.prune(tmp_path / "nothing", 0) == (0, 0)


def test_over_the_disk_cap_the_least_used_goes_first(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for used, name in enumerate(("one", "two", "three")):
        (tmp_path / name).mkdir()
        Writer.open(tmp_path / name, cache, clock=lambda used=used: used).close()
    keep = store_files.place_of(tmp_path / "one", cache).database
    monkeypatch.setattr(store_files, "MAX_TOTAL_BYTES", store_files.size_of(keep) * 2)
    assert store_files.prune(cache / "index", now=3, keep=keep).n_removed == 1
    left = {path.stem for path in (cache / "index").glob("*.db")}
    expected = {keep.stem, store_files.place_of(tmp_path / "three", cache).database.stem}
    # The one to keep counts as used now, so "two" is the oldest.
    assert left == expected


def test_a_lock_on_a_file_that_was_removed_locks_nobody(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    first = store_files.lock(path)
    assert first is not None
    assert store_files.lock(path) is None
    path.unlink()
    second = store_files.lock(path)
    assert second is not None
    os.close(first)
    os.close(second)
