"""Edits in a real VS Code with a script server: a diff before anything changes, one key that makes
it, and what keeps it from being made.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from editors.conftest import SUM
from editors.test_vscode_places import notebook
from editors.test_vscode_told import close_unsaved, untitled
from support.vscode_script import Script
from support.vscode_window import Window

pytestmark = [pytest.mark.editor, pytest.mark.loopback]

DONE = 'def add(a, b):\n    """Add two numbers."""\n    return a + b\n'


def document_add(window: Window) -> None:
    """Choose an edit from the menu, and wait for its diff."""
    window.edits_menu("sum.py", "Document 'add'").wait_for()
    window.picture("actions")
    window.press("Enter")
    window.wait(lambda: window.diff('"""Add two numbers."""'), "the diff")
    window.wait_preview_keys()


def test_an_edit_is_shown_before_it_is_made_and_is_one_step_to_undo(
    window: Window, script: Script
) -> None:
    document_add(window)
    window.picture("preview")
    assert (window.folder / "sum.py").read_text() == SUM
    assert not script.changes("sum.py")
    assert "7 checks passed" in window.page.locator(".notification-toast").inner_text()
    window.press("Control+Enter")
    window.wait(lambda: "Add two numbers" in window.text(), "the edit")
    assert window.saved("sum.py") == DONE
    window.press("Control+z")
    assert window.saved("sum.py") == SUM


def test_an_edit_that_is_discarded_changes_nothing(window: Window, script: Script) -> None:
    document_add(window)
    window.press("Escape")
    window.wait(lambda: window.page.locator(".monaco-diff-editor").count() == 0, "no diff")
    assert "Add two numbers" not in window.text()
    window.command("Indoors: Apply This Edit")
    window.press("Escape")
    assert "Add two numbers" not in window.text(), "there is none any more"
    assert not script.changes("sum.py")


def test_an_edit_of_a_text_that_moved_on_is_not_shown(window: Window, script: Script) -> None:
    older = script.folder / "older"
    older.touch()
    try:
        window.edits_menu("sum.py", "Document 'add'").wait_for()
        window.press("Enter")
        window.page.get_by_text("the text has changed since. Next: ask again").first.wait_for()
        assert window.page.locator(".monaco-diff-editor").count() == 0
    finally:
        older.unlink()
    assert not script.changes("sum.py")
    assert (window.folder / "sum.py").read_text() == SUM


def test_an_edit_that_was_overtaken_is_not_made(window: Window, script: Script) -> None:
    document_add(window)
    window.page.get_by_role("tab", name="sum.py", exact=True).click()
    window.focus()
    window.press("Control+Home")
    window.type("#")
    window.command("Indoors: Apply This Edit")
    said = window.page.get_by_text("the text has changed since. Next: ask again").first
    said.wait_for()
    assert window.saved("sum.py") == f"#{SUM}"


def test_another_diff_has_its_own_keys(window: Window, script: Script) -> None:
    window.open("a.py")
    window.command("File: Compare Active File with Saved")
    theirs = window.page.get_by_role("tab", name="a.py (in file)")
    theirs.wait_for()
    document_add(window)
    ours = window.page.get_by_role("tab", name="Indoors: Document 'add'")
    theirs.click()
    window.page.locator(".monaco-diff-editor .editor.modified .view-lines").last.click()
    assert window.page.locator(".editor-actions [aria-label^='Apply This Edit']").count() == 0
    for keys in ("Control+Enter", "Escape"):
        window.press(keys)
        window.page.wait_for_timeout(500)
        assert ours.count() == 1, "the edit waits for an answer"
    assert not script.changes("sum.py")
    ours.click()
    window.wait_preview_keys()
    window.page.locator(".monaco-diff-editor .editor.modified .view-lines").last.click()
    window.press("Control+Enter")
    window.wait(lambda: "Add two numbers" in window.text(), "the edit")


def test_the_menu_of_edits_opens_from_the_palette(window: Window, script: Script) -> None:
    window.open("sum.py")
    window.press("Control+Home")
    window.command("Indoors: Edit What Is Selected")
    rows = window.page.locator(".action-widget .monaco-list-row")
    rows.filter(has_text="Document 'add'").first.wait_for(timeout=20_000)
    window.press("Escape")


def test_an_instruction_is_asked_for(window: Window, script: Script) -> None:
    window.edits_menu("sum.py", "Edit with an instruction").click()
    box = window.page.locator(".quick-input-widget input").first
    box.wait_for()
    # The model reads the code while the person writes.
    window.wait(lambda: script.got("indoors/willEdit"), "word of the edit to come")
    assert not script.got("codeAction/resolve")
    box.fill("Say what it gives.")
    window.picture("instruction")
    window.press("Enter")
    window.wait(lambda: window.diff("Say what it gives."), "the diff")
    asked = script.got("codeAction/resolve")[-1]["data"]
    assert asked["instruction"] == "Say what it gives."
    assert asked["action"] == "edit"
    assert script.got("indoors/willEdit")[-1] | {"instruction": asked["instruction"]} == asked
    window.page.get_by_role("button", name="Apply", exact=True).first.click()
    window.wait(lambda: "Say what it gives." in window.text(), "the edit")


OTHER = "def add(a, b, c):\n    return a + b + c\n"
OTHER_DONE = OTHER.replace("\n", '\n    """Add two numbers."""\n', 1)


def two_in_flight(window: Window, script: Script) -> None:
    """Ask for an edit of sum.py, and before it comes for one of other.py; then let both come."""
    (window.folder / "other.py").write_text(OTHER)
    (script.folder / "hold").touch()
    for n_asked, name in enumerate(("sum.py", "other.py"), 1):
        window.edits_menu(name, "Document 'add'").wait_for()
        choose(window)
        window.wait(lambda n=n_asked: len(script.got("codeAction/resolve")) == n, "a request")  # type: ignore[misc]
    (script.folder / "hold").unlink()
    window.wait(lambda: toasts(window) == 2, "both notifications")


def toasts(window: Window) -> int:
    return int(window.page.locator(".notification-toast", has_text="checks passed").count())


def test_of_two_edits_in_flight_the_later_is_in_front_and_can_be_made(
    window: Window, script: Script
) -> None:
    two_in_flight(window, script)
    window.wait(lambda: window.diff("return a + b + c"), "the later diff")
    window.page.wait_for_timeout(1_000)
    assert window.diff('"""Add two numbers."""'), "its right side is the edited text"
    window.wait_preview_keys()
    # The first one's diff gave way; its notification is the lower one, and does not do nothing.
    apply = window.page.get_by_role("button", name="Apply", exact=True)
    apply.last.click()
    said = window.page.locator(".notification-toast", has_text="is not there any more").first
    said.wait_for()
    assert "Next: ask for the edit again" in said.inner_text()
    window.page.locator(".monaco-diff-editor .editor.modified .view-lines").last.click()
    window.press("Control+Enter")
    window.wait(lambda: "Add two numbers" in window.text(), "the edit")
    assert window.saved("other.py") == OTHER_DONE
    assert (window.folder / "sum.py").read_text() == SUM


def test_of_two_edits_that_are_kept_the_one_in_front_is_made(
    window: Window, script: Script
) -> None:
    (window.folder / "other.py").write_text(OTHER)
    ours = window.page.get_by_role("tab", name="Indoors: Document 'add'")
    document_add(window)
    window.command("View: Keep Editor")
    window.edits_menu("other.py", "Document 'add'").wait_for()
    choose(window)
    window.wait(lambda: ours.count() == 2, "both diffs")
    window.wait(lambda: window.diff("return a + b + c"), "the second one's diff")
    ours.first.click()
    window.wait(lambda: not window.diff("return a + b + c"), "the first one's diff")
    assert window.diff('"""Add two numbers."""')
    window.wait_preview_keys()
    window.page.locator(".monaco-diff-editor .editor.modified .view-lines").last.click()
    window.press("Control+Enter")
    window.wait(lambda: ours.count() == 1, "its diff to go")
    window.wait(lambda: "Add two numbers" in window.text(), "the edit")
    assert window.saved("sum.py") == DONE
    assert (window.folder / "other.py").read_text() == OTHER
    ours.first.click()
    window.wait_preview_keys()
    window.page.locator(".monaco-diff-editor .editor.modified .view-lines").last.click()
    window.press("Control+Enter")
    window.wait(lambda: ours.count() == 0, "no diff")
    window.wait(lambda: "return a + b + c" in window.text(), "the other file")
    assert window.saved("other.py") == OTHER_DONE


def test_a_notification_that_outlives_its_diff_says_what_became_of_the_edit(
    window: Window, script: Script
) -> None:
    document_add(window)
    window.press("Control+Enter")
    window.wait(lambda: "Add two numbers" in window.text(), "the edit")
    window.page.get_by_role("button", name="Apply", exact=True).first.click()
    window.page.get_by_text("This edit was made already. Next: undo").first.wait_for()
    assert window.saved("sum.py") == DONE, "and not twice"
    window.press("Control+z")
    window.saved("sum.py")
    window.tidy()
    document_add(window)
    window.press("Escape")
    window.wait(lambda: not window.diff(), "no diff")
    window.page.get_by_role("button", name="Apply", exact=True).first.click()
    window.page.get_by_text("is not there any more. Next: ask for the edit again").first.wait_for()
    assert window.saved("sum.py") == SUM


def python_is_coloured(window: Window) -> bool:
    """Whether the diff's right side has a keyword in a colour of its own."""
    line = window.page.locator(".monaco-diff-editor .editor.modified .view-line").first
    classes = {one.get_attribute("class") for one in line.locator("span > span").all()}
    return len(classes) > 1


def test_an_edit_in_a_cell_of_a_notebook_is_coloured_and_made(
    window: Window, script: Script
) -> None:
    (window.folder / "edit.ipynb").write_text(notebook("x = 1\n", SUM))
    # Opened by one click it gives its tab to the diff, and is not there when the edit is made.
    window.page.get_by_role("treeitem", name="edit.ipynb", exact=True).click()
    cells = window.page.locator(".notebookOverlay .cell.code .monaco-editor .view-lines")
    cells.nth(1).wait_for()
    cells.nth(1).click()
    window.press("Control+Home")
    window.press("Control+Period")
    window.page.locator(".action-widget .monaco-list-row.focused").first.wait_for()
    choose(window)
    window.wait(lambda: window.diff('"""Add two numbers."""'), "the diff")
    window.wait(lambda: python_is_coloured(window), "the colours of Python")
    window.picture("preview-cell")
    window.wait_preview_keys()
    window.press("Control+Enter")
    window.wait(lambda: not window.diff(), "no diff")
    shown = window.page.locator(".notebookOverlay .cell.code .view-lines")
    window.wait(
        lambda: "Add two numbers" in "".join(shown.all_inner_texts()).replace("\xa0", " "),
        "the edit in its notebook",
    )
    tabs = window.page.locator(".tab").all_inner_texts()
    assert ["".join(tab.split()) for tab in tabs] == ["edit.ipynb"], "and no cell by itself"
    saved = json.loads(window.saved("edit.ipynb"))
    assert ["".join(cell["source"]) for cell in saved["cells"]] == ["x = 1\n", DONE]


def test_an_edit_of_what_has_no_file_is_coloured(window: Window, script: Script) -> None:
    untitled(window)
    window.page.keyboard.insert_text(SUM)
    window.command("Change Language Mode")
    window.page.locator(
        ".quick-input-list .monaco-list-row", has_text="Auto Detect"
    ).first.wait_for()
    window.page.locator(".quick-input-widget input").first.fill("Python")
    window.page.locator(".quick-input-list .monaco-list-row", has_text="Python").first.click()
    window.wait(lambda: script.got("textDocument/didOpen"), "the document at the server")
    window.focus()
    window.press("Control+Home")
    window.press("Control+Period")
    window.page.locator(".action-widget .monaco-list-row.focused").first.wait_for()
    choose(window)
    window.wait(lambda: window.diff('"""Add two numbers."""'), "the diff")
    window.wait(lambda: python_is_coloured(window), "the colours of Python")
    window.wait_preview_keys()
    window.press("Escape")
    window.wait(lambda: not window.diff(), "no diff")
    close_unsaved(window)


def choose(window: Window) -> None:
    """Take the entry of the menu of edits that has the focus."""
    window.press("Enter")
    rows = window.page.locator(".action-widget .monaco-list-row")
    window.wait(lambda: rows.count() == 0, "the menu to go")


@contextmanager
def held(pid: int) -> Iterator[None]:
    """The server reads and answers nothing for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def test_keys_that_are_being_typed_when_the_diff_comes_do_not_apply_it(
    window: Window, script: Script
) -> None:
    pid = window.new_server(script)
    window.edits_menu("sum.py", "Document 'add'").wait_for()
    with held(pid):
        choose(window)
        window.open("notes.txt")  # meanwhile somebody writes elsewhere
        window.type("x")

    def typed_until_the_diff() -> bool:
        window.press("Control+Enter")  # "Insert Line Below" in an editor
        return window.diff('"""Add two numbers."""')

    window.wait(typed_until_the_diff, "the diff")
    for _ in range(3):
        window.page.wait_for_timeout(40)
        window.press("Control+Enter")  # nobody stops at once
    window.wait_preview_keys()
    assert window.diff('"""Add two numbers."""'), "it is there still, to be read"
    assert not script.changes("sum.py")
    window.press("Control+Enter")
    window.wait(lambda: "Add two numbers" in window.text(), "the edit")
    window.command("File: Save All Files")
    window.wait(lambda: (window.folder / "sum.py").read_text() == DONE, "the edit in the file")


def test_a_server_that_ends_while_it_makes_an_edit_is_named(window: Window, script: Script) -> None:
    pid = window.new_server(script)
    window.edits_menu("sum.py", "Document 'add'").wait_for()
    with held(pid):
        choose(window)
        window.page.wait_for_timeout(500)  # the request is on its way, and nobody reads it
        os.kill(pid, signal.SIGKILL)
        said = window.page.locator(".notification-toast", has_text="Nothing was edited")
        said.first.wait_for()
    assert "the server did not answer. Next: ask again when" in said.first.inner_text()
    window.wait(lambda: script.pids()[-1] != pid, "another server")
    window.wait_label("ready")
    assert not window.diff()
    assert (window.folder / "sum.py").read_text() == SUM
    window.tidy()
    document_add(window)
    window.press("Escape")
    window.wait(lambda: not window.diff(), "no diff")
