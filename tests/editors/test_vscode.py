"""The extension in a real VS Code, with a scripted server: no model, so every step is known."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import code_server
from support.code_server import CodeServer, Scripted, Window, scripted_python

pytestmark = [pytest.mark.editor, pytest.mark.loopback]

FULL = "def add(a, b):\n    return a + b"
CODE = "def add(a, b):\n    return a + b\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scripted")


@pytest.fixture(scope="module")
def vscode(
    tmp_path_factory: pytest.TempPathFactory, vsix: Path, folder: Path
) -> Iterator[CodeServer]:
    python = scripted_python(folder)
    home = tmp_path_factory.mktemp("vscode")
    with code_server.running(home, vsix, indoors__python=str(python)) as server:
        yield server


@pytest.fixture(scope="module")
def only_window(
    chromium: Any, vscode: CodeServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Window]:
    place = tmp_path_factory.mktemp("shop")
    context = chromium.new_context(viewport={"width": 1200, "height": 760})
    made = Window(context.new_page(), vscode, place)
    made.wait_label("ready")
    yield made
    context.close()


@pytest.fixture
def scripted(folder: Path) -> Scripted:
    for name in ("got.jsonl", "ran.jsonl"):
        (folder / name).unlink(missing_ok=True)
    return Scripted(folder)


@pytest.fixture
def window(only_window: Window, scripted: Scripted) -> Iterator[Window]:
    """The window as it was at first, with files that are as they were."""
    for name in ("a.py", "slow.py", "never.py", "notes.txt", ".env", "COMMIT_EDITMSG"):
        (only_window.folder / name).write_text("")
    (only_window.folder / "sum.py").write_text(CODE)
    yield only_window
    scripted.status()
    only_window.tidy()
    only_window.wait_label("ready")


def test_ghost_text_appears_while_the_file_stays_as_it_is_and_tab_accepts(
    window: Window, scripted: Scripted
) -> None:
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")
    window.picture("ghost")
    assert (window.folder / "a.py").read_text() == ""
    window.wait(lambda: scripted.got("textDocument/didShowCompletion"), "a note that it is shown")
    window.press("Tab")
    window.wait(lambda: window.ghost.count() == 0, "no ghost text")
    assert window.saved("a.py") == FULL
    shown = scripted.got("textDocument/didShowCompletion")[-1]["item"]["command"]["arguments"]
    assert scripted.commands("indoors.accepted") == [shown]
    assert scripted.got("textDocument/didPartiallyAcceptCompletion") == []


def test_a_word_is_accepted_and_told_and_escape_takes_nothing(
    window: Window, scripted: Scripted
) -> None:
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")
    window.press("Control+ArrowRight")
    window.wait(
        lambda: scripted.got("textDocument/didPartiallyAcceptCompletion"), "a note of the word"
    )
    partly = scripted.got("textDocument/didPartiallyAcceptCompletion")
    assert [one["acceptedLength"] for one in partly] == [len("def add")]
    assert partly[0]["item"]["insertText"] == FULL
    window.press("Escape")
    window.wait(lambda: window.ghost.count() == 0, "no ghost text")
    assert window.saved("a.py") == "def add"
    assert scripted.commands("indoors.accepted") == []


def test_typing_along_is_no_accept(window: Window, scripted: Scripted) -> None:
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")
    window.type("dd")
    window.wait(lambda: window.ghost_text().startswith("(a, b):"), "the rest of it")
    assert scripted.got("textDocument/didPartiallyAcceptCompletion") == []
    assert scripted.commands("indoors.accepted") == []


# Notes each time when ghost text goes from the screen.
WATCH = """() => {
  window.gone = 0;
  let was = false;
  const look = () => {
    const is = document.querySelector(".ghost-text, .ghost-text-decoration") !== null;
    window.gone += was && !is ? 1 : 0;
    was = is;
    requestAnimationFrame(look);
  };
  look();
}"""


def test_asked_again_when_there_is_more_without_a_flicker(
    window: Window, scripted: Scripted
) -> None:
    window.open("slow.py")
    window.page.evaluate(WATCH)
    window.type("def ad")
    window.wait(lambda: window.ghost_text().startswith("d(a, b):"), "the first line")
    window.wait(lambda: "return a + b" in window.ghost_text(), "the rest of the answer")
    assert window.page.evaluate("window.gone") == 0
    kinds = [one["context"]["triggerKind"] for one in scripted.got("textDocument/inlineCompletion")]
    assert set(kinds) == {2}, "asked again as before: nobody pressed a key for it"
    window.press("Tab")
    assert window.saved("slow.py") == FULL
    shown = scripted.got("textDocument/didShowCompletion")[-1]["item"]["command"]["arguments"]
    window.wait(lambda: scripted.commands("indoors.accepted") == [shown], "a note of the accept")


def test_nothing_is_asked_again_where_the_cursor_has_moved(
    window: Window, scripted: Scripted
) -> None:
    window.open("slow.py")
    window.type("def ad")
    window.wait(lambda: window.ghost.count() > 0, "the first line")
    window.press("Home")
    asked = len(scripted.got("textDocument/inlineCompletion"))
    window.page.wait_for_timeout(1200)
    assert len(scripted.got("textDocument/inlineCompletion")) == asked
    assert window.ghost.count() == 0


def test_a_request_that_typing_overtook_is_cancelled(window: Window, scripted: Scripted) -> None:
    window.open("never.py")  # its requests are not answered
    window.type("def ad")
    window.wait(lambda: scripted.got("textDocument/inlineCompletion"), "a request")
    window.page.wait_for_timeout(300)
    asked = [one for one in scripted.all() if one.get("method") == "textDocument/inlineCompletion"]
    window.type("d")
    window.wait(
        lambda: {"id": asked[-1]["id"]} in scripted.got("$/cancelRequest"), "it to be cancelled"
    )


def test_a_key_asks_for_several(window: Window, scripted: Scripted) -> None:
    window.open("a.py")
    window.type("def ad")
    window.wait(lambda: window.ghost.count() > 0, "ghost text")
    window.press("Escape")
    window.press("Alt+Backslash")
    window.wait(lambda: window.ghost.count() > 0, "ghost text")
    last = scripted.got("textDocument/inlineCompletion")[-1]
    assert last["context"]["triggerKind"] == 1
    window.press("Alt+BracketRight")
    window.wait(lambda: "first + second" in window.ghost_text(), "the other answer")


# --- the status item ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lock", "text", "spoken"),
    [
        ("enforced", "0.5b", "Lock: enforced"),
        ("network enforced, files not", "files not", "network enforced, files not"),
        ("unproven", "unproven", "not seen to refuse"),
        ("on-prem", "on-prem", "your own servers"),
        ("closed", "closed", "servers of others"),
    ],
)
def test_the_lock_is_said_in_words(
    window: Window, scripted: Scripted, lock: str, text: str, spoken: str
) -> None:
    scripted.status(lock=lock)
    window.wait_label(spoken)
    assert text in window.item.inner_text()
    assert "38 tokens/s" in window.label()
    marks = {"on-prem": "codicon-arrow-swap", "closed": "codicon-arrow-swap"}
    assert window.item.locator(f".{marks.get(lock, 'codicon-home')}").count() == 1
    window.picture(f"lock-{text}")


def test_states_of_the_server_are_said(window: Window, scripted: Scripted) -> None:
    scripted.status(phase="loading", progress=0.42, reason="checking the model's sha256")
    window.wait_label("loading the model 42 %")
    scripted.status(phase="busy")
    window.wait_label("working")
    scripted.status(phase="inactive", reason='the policy denies "secrets/"')
    window.wait_label('not completed here: the policy denies "secrets/"')
    scripted.status(phase="error", reason="There is no model. indoors setup")
    window.wait_label("There is no model")
    scripted.status()
    window.wait_label("ready")


def test_the_menu_pauses_and_resumes(window: Window, scripted: Scripted) -> None:
    window.open("a.py")
    window.item.click()
    window.page.get_by_text("Pause for 10 minutes").first.wait_for()
    window.picture("menu")
    window.page.get_by_text("Pause for 10 minutes").first.click()
    window.wait_label("paused until")
    asked = len(scripted.got("textDocument/inlineCompletion"))
    window.focus()
    window.type("def a")
    window.page.wait_for_timeout(800)
    assert len(scripted.got("textDocument/inlineCompletion")) == asked
    assert window.ghost.count() == 0
    window.command("Indoors: Resume")
    window.wait_label("ready")
    window.focus()
    window.press("End")
    window.type("d")
    window.wait(lambda: window.ghost.count() > 0, "ghost text")


def test_a_file_is_switched_off_and_closed_for_the_server(
    window: Window, scripted: Scripted
) -> None:
    window.open("a.py")
    window.wait(lambda: opened(scripted, "a.py"), "the document at the server")
    window.command("Indoors: Turn Off or On in This File")
    window.wait(lambda: scripted.got("textDocument/didClose"), "the document to be closed")
    window.wait_label("you switched this file off")
    before = len(changed(scripted, "a.py"))
    window.type("def a")
    window.page.wait_for_timeout(500)
    assert len(changed(scripted, "a.py")) == before
    window.command("Indoors: Turn Off or On in This File")
    window.wait(lambda: len(opened(scripted, "a.py")) == 2, "the document at the server again")
    assert opened(scripted, "a.py")[1]["text"] == "def a"


def opened(scripted: Scripted, name: str) -> list[Any]:
    found = [one["textDocument"] for one in scripted.got("textDocument/didOpen")]
    return [one for one in found if one["uri"].endswith(f"/{name}")]


def test_a_language_is_switched_off_for_the_server(
    window: Window, scripted: Scripted, vscode: CodeServer
) -> None:
    before = vscode.settings_file.read_text()
    window.open("a.py")
    window.command("Indoors: Turn Off or On in This Language")

    def told() -> bool:
        sent = scripted.got("workspace/didChangeConfiguration")
        wanted = {"completion": {"languages": {"off": ["python"]}}}
        return bool(sent) and sent[-1]["settings"]["indoors"] == wanted

    try:
        window.wait(told, "the setting at the server")
    finally:
        vscode.settings_file.write_text(before)


def test_plain_text_and_secrets_are_never_sent(window: Window, scripted: Scripted) -> None:
    kinds = {
        "notes.txt": "plain text is off",
        ".env": "hold secrets",
        "COMMIT_EDITMSG": "commit messages are off",
    }
    for name, reason in kinds.items():
        window.open(name)
        window.wait_label(reason)
        window.type("def add SECRET")
        window.press("Control+s")
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: window.ghost.count() > 0, "ghost text where it is wanted")
    everything = (scripted.folder / "got.jsonl").read_text()
    assert "SECRET" not in everything
    assert not [name for name in kinds if f"/{name}" in everything]


# --- edits --------------------------------------------------------------------------------------


DONE = 'def add(a, b):\n    """Add two numbers."""\n    return a + b\n'


def document_add(window: Window) -> None:
    """Choose an edit from the menu, and wait for its diff."""
    window.open("sum.py")
    window.press("Control+Home")
    window.press("Control+Period")
    window.page.get_by_text("Document 'add'").first.wait_for()
    window.picture("actions")
    window.press("Enter")
    window.wait(lambda: diff(window, '"""Add two numbers."""'), "the diff")


def diff(window: Window, text: str) -> bool:
    """Whether a diff that adds a text is on the screen."""
    changed = window.page.locator(".monaco-diff-editor .editor.modified .view-lines")
    return changed.count() > 0 and text in changed.inner_text().replace("\xa0", " ")


def test_an_edit_is_shown_before_it_is_made_and_is_one_step_to_undo(
    window: Window, scripted: Scripted
) -> None:
    document_add(window)
    window.page.wait_for_timeout(500)
    window.picture("preview")
    assert (window.folder / "sum.py").read_text() == CODE
    assert not changed(scripted, "sum.py")
    assert "7 checks passed" in window.page.locator(".notification-toast").inner_text()
    window.press("Control+Enter")
    window.wait(lambda: edited(window, "Add two numbers"), "the edit")
    assert window.saved("sum.py") == DONE
    window.press("Control+z")
    assert window.saved("sum.py") == CODE


def test_an_edit_that_is_discarded_changes_nothing(window: Window, scripted: Scripted) -> None:
    document_add(window)
    window.press("Escape")
    window.wait(lambda: window.page.locator(".monaco-diff-editor").count() == 0, "no diff")
    assert not edited(window, "Add two numbers")
    window.command("Indoors: Apply This Edit")
    window.press("Escape")
    assert not edited(window, "Add two numbers"), "there is none any more"
    assert not changed(scripted, "sum.py")


def changed(scripted: Scripted, name: str) -> list[Any]:
    """The changes of a document that the server was told of."""
    found = scripted.got("textDocument/didChange")
    return [one for one in found if one["textDocument"]["uri"].endswith(f"/{name}")]


def test_an_edit_that_was_overtaken_is_not_made(window: Window, scripted: Scripted) -> None:
    document_add(window)
    window.page.get_by_role("tab", name="sum.py", exact=True).click()
    window.focus()
    window.press("Control+Home")
    window.type("#")
    window.command("Indoors: Apply This Edit")
    said = window.page.get_by_text("the text has changed since").first
    said.wait_for()
    assert window.saved("sum.py") == f"#{CODE}"


def test_an_instruction_is_asked_for(window: Window, scripted: Scripted) -> None:
    window.open("sum.py")
    window.press("Control+Home")
    window.press("Control+Period")
    window.page.get_by_text("Edit with an instruction").first.click()
    box = window.page.locator(".quick-input-widget input").first
    box.wait_for()
    box.fill("Say what it gives.")
    window.picture("instruction")
    window.press("Enter")
    window.wait(lambda: diff(window, "Say what it gives."), "the diff")
    asked = scripted.got("codeAction/resolve")[-1]["data"]
    assert asked["instruction"] == "Say what it gives."
    assert asked["action"] == "edit"
    window.page.get_by_role("button", name="Apply", exact=True).first.click()
    window.wait(lambda: edited(window, "Say what it gives."), "the edit")


def edited(window: Window, text: str) -> bool:
    lines = window.page.locator(".editor-instance .view-lines").first
    return text in lines.inner_text().replace("\xa0", " ")


def test_suggestions_are_shown_and_read_with_a_screen_reader(
    window: Window, scripted: Scripted, vscode: CodeServer
) -> None:
    before = vscode.settings_file.read_text()
    settings = json.loads(before) | {"editor.accessibilitySupport": "on"}
    vscode.settings_file.write_text(json.dumps(settings))
    try:
        window.open("a.py")
        window.type("def a")
        window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")
        window.press("Alt+F2")  # the palette would take the focus, and the ghost text with it
        view = window.page.locator(".accessible-view")
        view.wait_for()
        window.wait(
            lambda: "return a + b" in view.inner_text().replace("\xa0", " "), "it to be read"
        )
        window.picture("accessible")
        window.press("Escape")
    finally:
        vscode.settings_file.write_text(before)


# --- life ---------------------------------------------------------------------------------------


def test_a_killed_server_is_started_again_and_goes_on(window: Window, scripted: Scripted) -> None:
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: window.ghost.count() > 0, "ghost text")
    for _ in range(2):
        before = scripted.pids()
        os.kill(before[-1], signal.SIGKILL)
        window.wait(lambda before=before: len(scripted.pids()) > len(before), "another server")  # type: ignore[misc]
        window.wait(lambda: opened(scripted, "a.py"), "it to be told what is open")
        window.wait_label("ready")
    assert scripted.got("initialize")[-1]["initializationOptions"]["client"]["refresh"] is True
    assert opened(scripted, "a.py")[-1]["text"] == "def a", "it is told what is open"
    window.type("d")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text again")


def test_a_next_step_of_the_server_is_shown_and_run_only_after_consent(
    window: Window, scripted: Scripted
) -> None:
    scripted.status(phase="error", reason="There is no model on this machine. indoors setup")
    text = "Indoors: There is no model on this machine.\nNext: indoors setup"
    scripted.say("window/showMessage", type=1, message=text)
    button = window.page.get_by_role("button", name="Run in Terminal…").first
    button.wait_for()
    window.picture("missing-model")
    assert window.page.locator(".notification-toast").count() == 1, "once"
    button.click()
    dialog = window.page.locator(".monaco-dialog-box")
    dialog.wait_for()
    python = str(scripted.folder / "python")
    assert f"{python} -I -m indoors_server setup" in dialog.inner_text()
    window.picture("consent")
    assert scripted.ran() == [], "nothing runs before somebody agreed"
    dialog.get_by_role("button", name="Run in Terminal").click()
    wanted = ["-I", "-m", "indoors_server", "setup", "--no-editor-lines"]
    window.wait(lambda: scripted.ran() == [wanted], "the command to run")
    window.wait(lambda: terminal(window, "Set up Indoors"), "its terminal")
    window.picture("setup")


def test_consent_that_is_not_given_runs_nothing(window: Window, scripted: Scripted) -> None:
    window.command("Indoors: Set Up Engine and Model")
    dialog = window.page.locator(".monaco-dialog-box")
    dialog.wait_for()
    dialog.get_by_role("button", name="Cancel").click()
    window.page.wait_for_timeout(500)
    assert scripted.ran() == []


def test_proof_and_policy_run_where_they_are_seen(window: Window, scripted: Scripted) -> None:
    window.command("Indoors: Prove That Nothing Gets Out")
    window.wait(
        lambda: scripted.ran() == [["-I", "-m", "indoors_server", "doctor", "--prove"]], "the proof"
    )
    window.wait(lambda: terminal(window, "indoors doctor --prove"), "its terminal")
    window.picture("prove")


def terminal(window: Window, title: str) -> bool:
    """Whether a terminal of that name is on the screen; its text is painted, not written."""
    shown = window.page.locator(".terminal-outer-container .xterm").count() > 0
    return shown and window.page.get_by_text(title).count() > 0


def test_a_model_is_chosen(window: Window, scripted: Scripted, vscode: CodeServer) -> None:
    before = vscode.settings_file.read_text()
    window.command("Indoors: Choose the Model")
    window.page.get_by_text("small-coder").first.wait_for()
    window.picture("models")
    window.page.get_by_text("small-coder").first.click()

    def told() -> bool:
        sent = scripted.got("workspace/didChangeConfiguration")
        return bool(sent) and sent[-1]["settings"]["indoors"].get("model") == "small-coder"

    try:
        window.wait(told, "the model at the server")
    finally:
        vscode.settings_file.write_text(before)
