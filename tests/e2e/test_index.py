"""The running server keeps the index of what is open in the editor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from fakes.lsp_client import running_server
from indoors_indexing.view import View
from support.index_server import Editor, Workspace, editing, until
from support.processes import children_of, is_alive

LONG = "".join(f"def function_{n}(value):\n    return value * {n}\n\n\n" for n in range(40))


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path)
    work.put("pkg/store.py", "class Store:\n    def read_line(self): ...\n")
    work.put("README.md", "The quartz oscillator.\n")
    return work


def uri(work: Workspace, path: str) -> str:
    return (work.root / path).as_uri()


def test_a_folder_is_indexed_and_followed(work: Workspace) -> None:
    with editing(work) as editor:
        editor.phase(work.root, "ready")
        assert work.found("quartz") == ["README.md"]
        assert n_indexed(work) == 2
        # A file that another program saves, and one that the editor does.
        work.put("pkg/new.py", "saved = 1\n")
        work.finds("saved", "pkg/new.py")
        # Another process read it: nothing is parsed beside the questions about syntax.
        maker = children_of(editor.indexer())["indexer"]
        # A buffer that nobody saved yet, and its file once it is closed.
        editor.client.open(uri(work, "pkg/store.py"), "unsaved = 1\n")
        work.finds("unsaved", "pkg/store.py")
        editor.client.insert(uri(work, "pkg/store.py"), 2, 0, 0, "typed = 1\n")
        work.finds("typed", "pkg/store.py")
        editor.client.notify(
            "textDocument/didClose", {"textDocument": {"uri": uri(work, "pkg/store.py")}}
        )
        work.finds("unsaved")
        work.finds("read_line", "pkg/store.py")
        work.is_whole()
        assert editor.client.notifications("window/logMessage") == []
    until(lambda: not is_alive(maker))


def test_nothing_is_indexed_before_initialized(work: Workspace) -> None:
    with running_server(work.environment()) as (client, process):
        params = {
            "processId": None,
            "capabilities": {},
            "workspaceFolders": [{"uri": work.root.as_uri(), "name": "w"}],
        }
        client.request("initialize", params)
        editor = Editor(client, process.pid)
        editor.indexer()
        status = client.request("workspace/executeCommand", {"command": "indoors.status"})
        assert status["index"] == []
        client.notify("initialized")
        editor.phase(work.root, "ready")


def test_a_long_pass_is_shown_and_can_be_cancelled(work: Workspace) -> None:
    for number in range(3000):
        work.put(f"many/{number % 40}/f{number}.py", LONG)
    with editing(work) as editor:
        editor.client.wait_for(editor.progress)
        (begun,) = editor.progress()[:1]
        assert begun["kind"] == "begin"
        assert begun["cancellable"] is True
        assert begun["title"] == "Indoors: indexing project"
        assert begun["message"].endswith("of 3,002 files")
        editor.client.notify("window/workDoneProgress/cancel", {"token": begun["token"]})
        editor.phase(work.root, "ready")
        assert editor.progress()[-1]["kind"] == "end"
        n_files = n_indexed(work)
        assert n_files < 3002
        # What changes is followed all the same, and a command finishes the rest.
        work.put("pkg/new.py", "saved = 1\n")
        work.finds("saved", "pkg/new.py")
    with editing(work) as editor:
        editor.phase(work.root, "ready")
        kinds = [one["kind"] for one in editor.progress()]
        assert kinds[:1] == ["begin"]
        assert kinds[-1] == "end"
        assert kinds.count("begin") == kinds.count("end") == 1
        assert n_indexed(work) == 3003


def n_indexed(work: Workspace) -> int:
    view = View(work.root, work.cache)
    try:
        return view.counts().n_files
    finally:
        view.close()


def test_a_killed_indexer_comes_back_and_knows_what_is_open(work: Workspace) -> None:
    with editing(work) as editor:
        editor.phase(work.root, "ready")
        editor.client.open(uri(work, "pkg/store.py"), "unsaved = 1\n")
        work.finds("unsaved", "pkg/store.py")
        before = editor.indexer()
        os.kill(before, signal.SIGKILL)
        work.put("README.md", "after the kill\n")
        work.finds("kill", "README.md")
        assert editor.indexer() != before
        editor.phase(work.root, "ready")
        assert work.found("unsaved") == ["pkg/store.py"]


def test_the_second_server_reads_and_takes_over(work: Workspace) -> None:
    with editing(work) as first:
        first.phase(work.root, "ready")
        with editing(work) as waiting:
            waiting.phase(work.root, "waiting")
            assert work.found("quartz") == ["README.md"]
            first.client.shutdown()
            waiting.phase(work.root, "ready")
            work.put("pkg/new.py", "saved = 1\n")
            work.finds("saved", "pkg/new.py")


def test_a_command_has_the_running_server_make_the_index_anew(work: Workspace) -> None:
    with editing(work) as editor:
        editor.phase(work.root, "ready")
        n_passes = len(reports(editor, "ready"))
        command = [sys.executable, "-I", "-m", "indoors_server", "index", "rebuild", str(work.root)]
        done = subprocess.run(
            command, env=os.environ | work.environment(), capture_output=True, text=True, check=True
        )
        assert "makes it anew now" in done.stdout
        editor.client.wait_for(lambda: len(reports(editor, "ready")) > n_passes)
        work.is_whole()


def reports(editor: Editor, phase: str) -> list[object]:
    every = editor.client.notifications("indoors/status")
    return [one for status in every for one in status["index"] if one["phase"] == phase]


def test_folders_come_and_go(work: Workspace, tmp_path: Path) -> None:
    other, inner = tmp_path / "other", work.root / "pkg"
    other.mkdir()
    (other / "b.py").write_text("elsewhere = 1\n")
    with editing(work, work.root, work.home, tmp_path / "missing") as editor:
        editor.phase(work.root, "ready")
        editor.phase(work.home, "off")
        editor.phase(tmp_path / "missing", "off")
        editor.client.wait_for(lambda: len(editor.client.notifications("window/logMessage")) == 2)
        notes = [note["message"] for note in editor.client.notifications("window/logMessage")]
        assert any("it is your home directory" in note for note in notes)
        assert any("it is not there" in note for note in notes)
        editor.client.open(uri(work, "pkg/store.py"), "unsaved = 1\n")
        work.finds("unsaved", "pkg/store.py")
        change_folders(editor, added=[other, inner], removed=[work.home])
        editor.phase(other, "ready")
        work.finds("elsewhere", "b.py", root=other)
        # The innermost folder has the document now.
        work.finds("unsaved", "store.py", root=inner)
        work.finds("unsaved")
        change_folders(editor, removed=[other, inner])
        left = {str(work.root), str(tmp_path / "missing")}
        editor.client.wait_for(lambda: set(editor.states()) == left)
        work.finds("unsaved", "pkg/store.py")
        (other / "b.py").write_text("changed = 1\n")
        change_folders(editor, added=[other])
        work.finds("changed", "b.py", root=other)


def change_folders(
    editor: Editor, added: Sequence[Path] = (), removed: Sequence[Path] = ()
) -> None:
    named = {
        kind: [{"uri": folder.as_uri(), "name": folder.name} for folder in folders]
        for kind, folders in (("added", added), ("removed", removed))
    }
    editor.client.notify("workspace/didChangeWorkspaceFolders", {"event": named})


def test_it_can_be_switched_off_and_on(work: Workspace) -> None:
    with editing(work, settings={"index": {"enabled": False}}) as editor:
        editor.phase(work.root, "off")
        assert not (work.cache / "index").exists()
        switch(editor, on=True)
        editor.phase(work.root, "ready")
        switch(editor, on=False)
        editor.phase(work.root, "off")
        work.put("pkg/new.py", "saved = 1\n")
        switch(editor, on=True)
        work.finds("saved", "pkg/new.py")
        # A workspace can switch it off.
        work.put(".indoors.json", '{"index": {"enabled": false}}')
        editor.client.notify(
            "textDocument/didSave", {"textDocument": {"uri": uri(work, ".indoors.json")}}
        )
        editor.phase(work.root, "off")


def switch(editor: Editor, *, on: bool) -> None:
    settings = {"indoors": {"index": {"enabled": on}}}
    editor.client.notify("workspace/didChangeConfiguration", {"settings": settings})


def test_a_client_without_progress_is_not_asked_for_any(work: Workspace) -> None:
    for number in range(400):
        work.put(f"many/f{number}.py", LONG)
    with running_server(work.environment()) as (client, process):
        client.initialize(folders=(work.root,))
        Editor(client, process.pid).phase(work.root, "ready")
        until(lambda: n_indexed(work) == 402)
        assert client.notifications("window/workDoneProgress/create") == []
        assert client.notifications("$/progress") == []
