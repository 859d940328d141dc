"""What the server is told of in a real VS Code, and what it never hears of."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from support import code_server
from support.vscode_script import Script, scripted_python
from support.vscode_window import Window

pytestmark = [pytest.mark.editor, pytest.mark.loopback]

TOGGLE = "Indoors: Turn Off or On in This File"
OFF = "you switched this file off"


def untitled(window: Window) -> None:
    """A new document that has no file."""
    window.press("Control+F7")
    window.page.locator(".tab.active", has_text="Untitled-1").first.wait_for()
    window.focus()


def close_unsaved(window: Window) -> None:
    window.command("View: Revert and Close Editor")
    window.wait(lambda: window.page.locator(".tab").count() == 0, "the editor to be closed")


def test_a_file_of_secrets_is_not_sent_before_it_is_saved_first(
    window: Window, script: Script
) -> None:
    window.press("Control+F6")
    window.page.locator(".tab.active", has_text=".env").first.wait_for()
    window.focus()
    window.type("def a = SECRET")
    window.wait_label("files like this hold secrets")
    close_unsaved(window)
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: window.ghost.count() > 0, "ghost text where it is wanted")
    assert "SECRET" not in (script.folder / "got.jsonl").read_text()


def test_a_folder_of_secrets_is_not_sent_where_it_is_opened_itself(
    window: Window, script: Script, second: Any
) -> None:
    folder = window.folder.parent / "secrets"
    folder.mkdir(exist_ok=True)
    (folder / "app.py").write_text("SECRET = 1\n")
    other = Window(second, window.server, folder)
    other.open("app.py")
    other.wait_label("files like this hold secrets")
    other.type("def a")
    second.wait_for_timeout(500)
    assert other.ghost.count() == 0
    assert "SECRET" not in (script.folder / "got.jsonl").read_text()
    assert not script.opened("app.py")


def test_what_has_no_file_is_off_until_it_is_closed(window: Window, script: Script) -> None:
    untitled(window)
    window.wait_label("plain text is off")
    window.command(TOGGLE)
    window.wait_label(OFF)
    window.command("Change Language Mode")
    row = window.page.locator(".quick-input-list .monaco-list-row", has_text="(python)").first
    window.page.keyboard.type("python")
    row.click()
    language = window.page.locator("[id='status.editor.mode']")
    window.wait(lambda: "Python" in language.inner_text(), "another language")
    window.page.wait_for_timeout(500)
    assert OFF in window.label(), "it is open still"
    assert not script.opened("Untitled-1")
    close_unsaved(window)
    untitled(window)
    window.wait_label("plain text is off")
    close_unsaved(window)


def test_no_workspace_remembers_what_has_no_file(window: Window, second: Any) -> None:
    folder = window.folder.parent / "remembers"
    folder.mkdir(exist_ok=True)
    (folder / "a.py").write_text("")
    other = Window(second, window.server, folder)
    other.wait_label("ready")
    other.open("a.py")
    other.command(TOGGLE)
    other.wait_label(OFF)
    untitled(other)
    other.command(TOGGLE)
    other.wait_label(OFF)
    # In a browser VS Code writes down what it remembers every 5 s. The tab that is there again
    # below is as new as the switch is, so both were written.
    other.page.wait_for_timeout(8_000)
    again = Window(second, window.server, folder)
    again.open("a.py")
    again.wait_label(OFF)
    second.locator(".tab", has_text="Untitled-1").click()
    again.wait_label("plain text is off")


def test_a_commit_message_is_completed_where_a_person_said_so(
    page: Any, vsix: Path, tmp_path: Path
) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "a.py").write_text("")
    subprocess.run(["git", "init", "-q"], cwd=shop, check=True)
    python = scripted_python(tmp_path / "told")
    script = Script(tmp_path / "told")
    on: dict[str, Any] = {"git__enabled": True, "indoors__alsoComplete": ["commitMessages"]}
    home = tmp_path / "home"
    with code_server.running(home, vsix, indoors__python=str(python), **on) as server:
        window = Window(page, server, shop)
        window.wait_label("ready")
        window.command("View: Show Source Control")
        box = page.locator(".scm-editor .monaco-editor .view-lines").first
        box.click()
        window.press("Alt+\\")

        def by_key() -> bool:
            asked = script.got("textDocument/inlineCompletion")
            return any(one["context"]["triggerKind"] == 1 for one in asked)

        window.wait(by_key, "a question by key, also where no file is in front")
        window.type("def a")
        window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")
        window.picture("commit")
        window.wait(lambda: script.shown(), "a note that it is shown")
        window.press("Tab")
        window.wait(lambda: script.commands("indoors.accepted"), "a note of the accept")
        assert "return a + b" in box.inner_text().replace("\xa0", " ")
