"""`index` and `search` on real small trees: what they find, say and leave behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indoors_completion.types import InputError
from indoors_indexing import build
from indoors_indexing.store import Reader, Writer
from indoors_server import children, cli, index_place, lockdown, paths
from indoors_server.cli import index as index_command
from indoors_server.cli import index_pass, status
from indoors_server.lockdown import LockState

FILES = {
    "src/store.py": '''"""Keeps things."""

import os


class Store:
    """What is kept."""

    limit: int = 10

    def read_line(
        self, number: int
    ) -> str:
        """One line of what is kept."""
        return self.lines[number]


def open_store(path: str) -> Store:
    return Store(os.fspath(path))
''',
    "src/use.py": """from store import open_store


def main() -> None:
    kept = open_store("x")
    print(kept.read_line(3))
""",
    "tests/test_store.py": "def read_line():\n    return None\n",
    "README.md": "# Kept\n\nThe quartz oscillator is described here.\n",
    "ignored.py": "def read_line():\n    return 'ignored'\n",
    ".gitignore": "ignored.py\n",
}


@pytest.fixture(autouse=True)
def _unlocked(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The real one would lock down the test's own process.
    lock = LockState("network enforced, files not", "a test", "")
    monkeypatch.setattr(lockdown, "apply", lambda role: lock)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """As a terminal starts a command; a shell's background jobs ignore the signal instead."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
        # Long ago: a file that changed just now is read again, since it may change once more.
        os.utime(root / path, (1_600_000_000, 1_600_000_000))
    (root / ".git").mkdir()
    monkeypatch.chdir(root)
    return root


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    cli.main(["search", "--json", *arguments])
    return json.loads(capsys.readouterr().out)


# --- search ---------------------------------------------------------------------------------------


def test_definitions_come_first_with_kind_scope_and_signature(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["search", "read_line"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "src/store.py:11  method in Store",
        "    def read_line( self, number: int ) -> str:",
        "tests/test_store.py:1  function",
        "    def read_line():",
    ]
    assert lines.index("src/use.py:1-6") > 3
    assert "    6: print(kept.read_line(3))" in lines
    assert not [line for line in lines if "ignored" in line]


def test_json_has_the_same_with_places(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = found(capsys, "open_store")
    assert body["root"] == str(project)
    assert body["complete"]
    (definition,) = body["definitions"]
    assert definition == {
        "name": "open_store",
        "kind": "function",
        "scope": [],
        "path": "src/store.py",
        "line": 18,
        "text": "def open_store(path: str) -> Store:",
        "is_stale": False,
    }
    (chunk,) = [chunk for chunk in body["chunks"] if chunk["path"] == "src/use.py"]
    assert (chunk["first_line"], chunk["last_line"], chunk["line"]) == (1, 6, 1)


@pytest.mark.parametrize(
    "query", ["Store.read_line", "store.Store.read_line()", "Store::read_line"]
)
def test_a_qualified_name_means_the_one_inside(
    project: Path, capsys: pytest.CaptureFixture[str], query: str
) -> None:
    body = found(capsys, query)
    assert [entry["path"] for entry in body["definitions"]] == ["src/store.py"]


def test_capitals_matter_only_where_something_has_them_so(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [entry["name"] for entry in found(capsys, "STORE")["definitions"]] == ["Store"]


def test_words_find_prose_and_the_line_that_has_them(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = found(capsys, "quartz", "oscillator")
    assert body["definitions"] == []
    assert [(chunk["path"], chunk["line"]) for chunk in body["chunks"]] == [("README.md", 3)]


def test_the_limit_counts_all_results(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = found(capsys, "read_line", "--limit", "1")
    assert len(body["definitions"]) == 1
    assert body["chunks"] == []
    assert body["n_definitions"] == 2
    assert cli.main(["search", "read_line", "--limit", "0"]) == 1


def test_nothing_found_is_an_exit_status_as_for_grep(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["search", "zzyzx"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "Nothing found for 'zzyzx' in 4 files" in err


def test_a_first_search_builds_and_says_so_and_the_next_sees_what_changed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["search", "open_store"])
    assert "first (4 files)" in capsys.readouterr().err
    (project / "src/new.py").write_text("def brand_new():\n    pass\n")
    assert cli.main(["search", "brand_new"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("src/new.py:1  function")
    assert err == ""


def test_a_large_folder_is_not_indexed_unasked(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_place, "SMALL_BYTES", 10)
    assert cli.main(["search", "open_store"]) == 1
    err = capsys.readouterr().err
    assert "There is no index" in err
    assert "It has 4 files to index, which takes about 1 s, once." in err
    assert "Next: indoors index rebuild" in err
    assert not (paths.cache_dir() / "index").exists()
    assert cli.main(["index", "rebuild"]) == 0
    assert cli.main(["search", "open_store"]) == 0


def test_paths_are_shown_from_where_the_person_stands(
    project: Path,
    private_home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(project / "tests")
    assert cli.main(["search", "Store.read_line"]) == 0
    assert capsys.readouterr().out.startswith("../src/store.py:11")
    monkeypatch.chdir(project.parent)
    assert cli.main(["search", "Store.read_line", "--path", "project"]) == 0
    assert capsys.readouterr().out.startswith("project/src/store.py:11")
    monkeypatch.chdir(private_home)
    assert cli.main(["search", "Store.read_line", "--path", str(project)]) == 0
    assert capsys.readouterr().out.startswith(f"{project}/src/store.py:11")


def test_while_a_server_writes_the_index_is_read_as_it_is(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_command, "_ANSWERED_WITHIN_S", 0.1)
    cli.main(["index", "rebuild"])
    (project / "src/new.py").write_text("def brand_new():\n    pass\n")
    capsys.readouterr()
    with Writer.open(project, paths.cache_dir()):
        assert cli.main(["search", "open_store"]) == 0
        assert "keeps this index up to date" in capsys.readouterr().err
        assert cli.main(["search", "brand_new"]) == 1
        capsys.readouterr()
        assert cli.main(["index", "status"]) == 0
        assert "another Indoors process" in capsys.readouterr().out
        assert cli.main(["index", "rebuild"]) == 1
        assert "the same again in a moment" in capsys.readouterr().err
        # What nobody heard is not left for somebody who comes later.
        assert not list(paths.cache_dir().glob("index/*.wish"))


def test_what_changed_or_became_something_else_is_not_taken_for_what_was_indexed(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["index", "rebuild"])
    secret = tmp_path / "secret.py"
    secret.write_text(FILES["src/store.py"].replace("number", "secret"))
    with Writer.open(project, paths.cache_dir()):
        (project / "tests/test_store.py").write_text("# moved\n\ndef read_line():\n    pass\n")
        (project / "src/store.py").unlink()
        (project / "src/store.py").symlink_to(secret)
        (project / "README.md").unlink()
        os.mkfifo(project / "README.md")
        body = found(capsys, "read_line")
        assert not found(capsys, "quartz")["chunks"]
        cli.main(["search", "read_line"])
    (definition,) = body["definitions"]
    assert (definition["path"], definition["text"]) == ("tests/test_store.py", "")
    assert definition["is_stale"]
    out = capsys.readouterr().out
    assert "(changed since it was indexed)" in out
    assert "secret" not in out


def test_nothing_in_a_file_steers_the_terminal(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "def evil():  # \x1b[31m \u202e \x9b1m\n    pass\n"
    (project / "src/a\x1bb.py").write_text(text)
    for arguments in (["evil"], ["evil", "--json"]):
        assert cli.main(["search", *arguments]) == 0
        out = capsys.readouterr().out
        assert not {"\x1b", "\u202e", "\x9b"} & set(out)


def test_an_index_that_cannot_be_kept_is_searched_in_memory(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths.cache_dir().mkdir(parents=True)
    (paths.cache_dir() / "index").write_text("in the way")
    assert cli.main(["search", "open_store"]) == 0
    out, err = capsys.readouterr()
    assert "src/store.py:18" in out
    assert "kept in memory" in err
    assert cli.main(["index", "rebuild"]) == 1
    assert "indoors doctor" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["search", "x", "--path"], ["index", "status"]])
def test_a_folder_that_is_none_is_an_input_error(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    for wrong in ("nowhere", "README.md", "no\0thing"):
        assert cli.main([*arguments, wrong]) == 1
        assert "Next: name the folder" in capsys.readouterr().err


# --- index ----------------------------------------------------------------------------------------


def test_rebuild_says_what_is_in_and_what_is_not(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["index", "status"]) == 0
    out = capsys.readouterr().out
    assert "none for this folder yet" in out
    assert "indoors index rebuild" in out
    assert cli.main(["index", "rebuild"]) == 0
    out = capsys.readouterr().out
    assert "4 files, 30 lines" in out
    assert "just now" in out
    assert "ignored (.gitignore, .indoorsignore)" in out
    assert cli.main(["index", "status", str(project), "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["state"], body["files"], body["in_use"]) == ("complete", 4, False)
    assert body["bytes"] > 0
    assert body["definitions"] >= 6


def test_rebuild_begins_from_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["index", "rebuild"])
    (database,) = (paths.cache_dir() / "index").glob("*.db")
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    database.write_bytes(b"not a database" * 1000)
    assert cli.main(["index", "status"]) == 0
    assert "cannot be read" in capsys.readouterr().out
    assert cli.main(["index", "rebuild"]) == 0
    assert cli.main(["search", "open_store"]) == 0


def test_rebuild_of_a_folder_that_is_gone_keeps_no_index(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["index", "rebuild", str(project / "gone")]) == 1
    assert not (paths.cache_dir() / "index").exists()


@pytest.mark.usefixtures("interruptible")
def test_interrupting_leaves_an_index_that_is_used_and_completed(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make, made = build.make, []

    def interrupted(root: int, task: Any) -> Any:
        made.append(task.path)
        if len(made) == 2:
            signal.raise_signal(signal.SIGINT)
        return make(root, task)

    monkeypatch.setattr(build, "make", interrupted)
    assert cli.main(["index", "rebuild"]) == 130
    assert "Stopped. 2 files were indexed" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with Reader.open(project, paths.cache_dir()) as reader:
        assert [row.path for row in reader.files()] == sorted(made)
    assert index_place.look(project).state == "incomplete"
    assert cli.main(["search", "quartz"]) == 0
    assert len(made) == 4
    assert index_place.look(project).state == "complete"


def test_a_part_of_a_large_folder_is_searched_and_named_a_part(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Writer.open(project, paths.cache_dir()) as writer:
        build.update(writer, str(project), ["src/store.py"])
    monkeypatch.setattr(index_place, "SMALL_BYTES", 10)
    assert cli.main(["search", "open_store"]) == 0
    err = capsys.readouterr().err
    assert "Only a part" in err
    assert "not complete yet" in err


@pytest.mark.usefixtures("interruptible")
def test_a_second_interrupt_ends_the_command() -> None:
    with index_pass.stoppable() as is_stopped:
        assert not is_stopped()
        signal.raise_signal(signal.SIGINT)
        assert is_stopped()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("interruptible")
def test_a_command_in_the_background_is_not_interrupted() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with index_pass.stoppable() as is_stopped:
        signal.raise_signal(signal.SIGINT)
        assert not is_stopped()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.usefixtures("interruptible")
def test_makers_are_started_out_of_reach_of_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    blocked: list[bool] = []

    def spawn(*arguments: str) -> None:
        assert arguments == ("indexer", "--maker", "--root=/w")
        blocked.append(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, set()))

    monkeypatch.setattr(children, "spawn", spawn)
    index_pass._maker(Path("/w"))
    assert blocked == [True]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


def test_purge_removes_every_index(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["index", "rebuild"])
    assert cli.main(["purge", "--yes"]) == 0
    assert "index of projects" in capsys.readouterr().out
    assert not (paths.cache_dir() / "index").exists()
    assert index_place.look(project).state == "none"


# --- which folder is meant ------------------------------------------------------------------------


def test_the_nearest_folder_with_an_index_or_a_repository_is_the_project(
    project: Path, private_home: Path
) -> None:
    assert index_place.project_around(project / "src") == project
    with Writer.open(project / "src", paths.cache_dir()):
        pass
    assert index_place.project_around(project / "src") == project / "src"
    (private_home / ".git").mkdir()
    (private_home / "notes").mkdir()
    assert index_place.project_around(private_home / "notes") == private_home / "notes"
    assert index_place.project_around(private_home) == private_home


def test_a_working_directory_that_is_gone_is_an_input_error(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    shutil.rmtree(tmp_path / "gone")
    with pytest.raises(InputError, match="working directory"):
        index_place.root_of("")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "just now"), (59, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"),
     (86400 * 3, "3 days ago")],
)  # fmt: skip
def test_ages_are_said_as_people_do(seconds: float, text: str) -> None:
    assert index_place.age(seconds) == text


# --- status ---------------------------------------------------------------------------------------


def test_status_shows_the_index_of_the_project(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["status"])
    assert "index   none for this folder yet" in capsys.readouterr().out
    cli.main(["index", "rebuild"])
    capsys.readouterr()
    cli.main(["status"])
    assert "index   4 files, 30 lines" in capsys.readouterr().out
    cli.main(["status", "--json"])
    assert json.loads(capsys.readouterr().out)["index"]["state"] == "complete"


def test_status_without_sqlite_is_a_status(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "indoors_indexing.store_files", None)
    monkeypatch.delattr("indoors_indexing.store_files", raising=False)
    assert status.look().index is None
    assert cli.main(["search", "open_store"]) == 1
    assert "There can be no index with this Python" in capsys.readouterr().err
