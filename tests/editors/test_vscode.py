"""The extension in a real VS Code, with a script server: no model, so every step is known."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from support.code_server import CodeServer
from support.vscode_script import Script
from support.vscode_window import FLICKER, Window

pytestmark = [pytest.mark.editor, pytest.mark.loopback]

READER = {"editor.accessibilitySupport": "on"}
FULL = "def add(a, b):\n    return a + b"


def test_ghost_text_appears_while_the_file_stays_as_it_is_and_tab_accepts(
    window: Window, script: Script
) -> None:
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")
    window.picture("ghost")
    assert (window.folder / "a.py").read_text() == ""
    window.wait(lambda: script.got("textDocument/didShowCompletion"), "a note that it is shown")
    window.press("Tab")
    window.wait(lambda: window.ghost.count() == 0, "no ghost text")
    assert window.saved("a.py") == FULL
    shown = script.got("textDocument/didShowCompletion")[-1]["item"]["command"]["arguments"]
    assert script.commands("indoors.accepted") == [shown]
    assert script.got("textDocument/didPartiallyAcceptCompletion") == []


def test_a_word_is_accepted_and_told_and_escape_takes_nothing(
    window: Window, script: Script
) -> None:
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")
    window.press("Control+ArrowRight")
    window.wait(
        lambda: script.got("textDocument/didPartiallyAcceptCompletion"), "a note of the word"
    )
    partly = script.got("textDocument/didPartiallyAcceptCompletion")
    assert [one["acceptedLength"] for one in partly] == [len("def add")]
    assert partly[0]["item"]["insertText"] == FULL
    window.press("Escape")
    window.wait(lambda: window.ghost.count() == 0, "no ghost text")
    assert window.saved("a.py") == "def add"
    assert script.commands("indoors.accepted") == []


def test_a_line_is_accepted_and_told(window: Window, script: Script) -> None:
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")
    window.press("Control+F5")
    window.wait(
        lambda: script.got("textDocument/didPartiallyAcceptCompletion"), "a note of the line"
    )
    partly = script.got("textDocument/didPartiallyAcceptCompletion")
    assert FULL[: partly[0]["acceptedLength"]].rstrip() == "def add(a, b):"
    window.wait(lambda: "return a + b" in window.ghost_text(), "the rest of it")
    window.press("Escape")
    assert window.saved("a.py").rstrip() == "def add(a, b):"
    assert script.commands("indoors.accepted") == []


def test_typing_along_is_no_accept(window: Window, script: Script) -> None:
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")
    window.type("dd")
    window.wait(lambda: window.ghost_text().startswith("(a, b):"), "the rest of it")
    assert script.got("textDocument/didPartiallyAcceptCompletion") == []
    assert script.commands("indoors.accepted") == []


def test_asked_again_when_there_is_more_without_a_flicker(window: Window, script: Script) -> None:
    window.open("slow.py")
    window.page.evaluate(FLICKER)
    window.type("def ad")
    window.wait(lambda: window.ghost_text().startswith("d(a, b):"), "the first line")
    window.wait(lambda: "return a + b" in window.ghost_text(), "the rest of the answer")
    assert window.page.evaluate("window.gone") == 0
    kinds = [one["context"]["triggerKind"] for one in script.got("textDocument/inlineCompletion")]
    assert set(kinds) == {2}, "asked again as before: nobody pressed a key for it"
    window.press("Tab")
    assert window.saved("slow.py") == FULL
    shown = script.got("textDocument/didShowCompletion")[-1]["item"]["command"]["arguments"]
    window.wait(lambda: script.commands("indoors.accepted") == [shown], "a note of the accept")


def test_nothing_is_asked_again_where_the_cursor_has_moved(window: Window, script: Script) -> None:
    window.open("slow.py")
    window.type("def ad")
    window.wait(lambda: window.ghost.count() > 0, "the first line")
    window.press("Home")
    asked = len(script.got("textDocument/inlineCompletion"))
    window.page.wait_for_timeout(1200)
    assert len(script.got("textDocument/inlineCompletion")) == asked
    assert window.ghost.count() == 0


def test_a_request_that_typing_overtook_is_cancelled(window: Window, script: Script) -> None:
    window.open("never.py")  # its requests are not answered
    window.type("def ad")
    window.wait(lambda: script.got("textDocument/inlineCompletion"), "a request")
    window.page.wait_for_timeout(300)
    asked = [one for one in script.all() if one.get("method") == "textDocument/inlineCompletion"]
    window.type("d")
    window.wait(
        lambda: {"id": asked[-1]["id"]} in script.got("$/cancelRequest"), "it to be cancelled"
    )


def test_a_key_asks_for_several(window: Window, script: Script) -> None:
    window.open("a.py")
    window.type("def ad")
    window.wait(lambda: window.ghost.count() > 0, "ghost text")
    window.press("Escape")
    window.press("Alt+Backslash")
    window.wait(lambda: window.ghost.count() > 0, "ghost text")
    last = script.got("textDocument/inlineCompletion")[-1]
    assert last["context"]["triggerKind"] == 1
    window.press("Alt+BracketRight")
    window.wait(lambda: "first + second" in window.ghost_text(), "the other answer")


def test_a_word_of_the_second_of_several_is_told_of_as_that(window: Window, script: Script) -> None:
    window.open("a.py")
    window.type("def add(")

    def asked_at() -> int:
        asked = script.got("textDocument/inlineCompletion")
        return int(asked[-1]["position"]["character"]) if asked else 0

    window.wait(lambda: asked_at() == len("def add("), "the last key's question")
    window.wait(lambda: window.ghost_text().startswith("a, b"), "ghost text")
    window.page.wait_for_timeout(500)  # a key that comes before its answer is drawn asks in vain
    window.press("Alt+BracketRight")
    window.wait(lambda: "first + second" in window.ghost_text(), "the other answer")
    assert not [name for name in script.shown() if name.endswith(".1")]
    window.press("Control+ArrowRight")
    window.wait(lambda: "def add(first" in window.text(), "its word")
    window.wait(
        lambda: script.got("textDocument/didPartiallyAcceptCompletion"), "a note of the word"
    )
    (partly,) = script.got("textDocument/didPartiallyAcceptCompletion")
    name = partly["item"]["command"]["arguments"][0]
    assert name.endswith(".1")
    assert partly["item"]["insertText"].startswith("def add(first, second)")
    assert script.shown()[-1] == name, "it was on the screen"


# --- the status item ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lock", "mode", "text", "spoken"),
    [
        ("enforced", "local", "0.5b", "Lock: enforced"),
        ("network enforced, files not", "local", "files not", "network enforced, files not"),
        ("unproven", "local", "unproven", "not seen to refuse"),
        ("enforced", "onprem", "on-prem", "your own servers"),
        ("enforced", "closed", "closed", "servers of others"),
        ("unproven", "onprem", "on-prem, unproven", "not seen to refuse"),
    ],
)
def test_the_lock_is_said_in_words(
    window: Window, script: Script, lock: str, mode: str, text: str, spoken: str
) -> None:
    script.status(lock=lock, mode=mode)
    window.wait_label(spoken)
    assert text in window.item.inner_text()
    assert "38 tokens/s" in window.label()
    mark = "codicon-home" if mode == "local" else "codicon-arrow-swap"
    assert window.item.locator(f".{mark}").count() == 1
    window.picture(f"lock-{text}")


def test_states_of_the_server_are_said(window: Window, script: Script) -> None:
    script.status(phase="loading", progress=0.42, reason="checking the model's sha256")
    window.wait_label("loading the model 42 %")
    script.status(phase="busy")
    window.wait_label("working")
    script.status(phase="inactive", reason='the policy denies "secrets/"')
    window.wait_label('not completed here: the policy denies "secrets/"')
    script.status(phase="error", reason="There is no model.", next_step="indoors setup")
    window.wait_label("There is no model. Next: indoors setup")
    script.status()
    window.wait_label("ready")


def test_the_menu_has_the_next_step_of_an_error(window: Window, script: Script) -> None:
    script.status(phase="error", reason="There is no model.", next_step="indoors setup")
    window.wait_label("Next: indoors setup")
    window.item.click()
    window.page.get_by_text("Run indoors setup…").first.click()
    dialog = window.page.locator(".monaco-dialog-box")
    dialog.wait_for()
    assert "-I -m indoors_server setup" in dialog.inner_text()
    dialog.get_by_role("button", name="Cancel").click()
    assert script.ran() == []


def test_a_suggestion_is_explained(window: Window, script: Script) -> None:
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: window.ghost.count() > 0, "ghost text")
    window.item.click()
    window.page.get_by_text("Why this suggestion").first.click()
    window.wait(lambda: "a definition begins here" in window.text(), "the explanation")
    window.picture("why")
    assert "came after 84 ms, written by the model for this place" in window.text()
    uris = [one["textDocument"]["uri"] for one in script.got("textDocument/inlineCompletion")]
    assert script.commands("indoors.explain") == [[uris[-1]]]
    window.press("Control+End")
    window.type("x")
    assert "x" not in window.text().splitlines()[-1], "it is read, not written"
    window.open("notes.txt")
    window.command("Indoors: Why This Suggestion")
    window.wait(lambda: "plain text is off" in window.text(), "the reason why there is none")
    assert len(script.commands("indoors.explain")) == 1, "the server knows no such file"


def test_without_a_file_in_front_the_next_step_is_said(window: Window) -> None:
    window.command("Indoors: Why This Suggestion")
    window.page.get_by_text("No file is in front. Next: click into the code").first.wait_for()


@pytest.mark.parametrize("view", [False, True], ids=["nothing", "a view"])
def test_what_is_about_a_file_says_where_none_is_in_front(
    window: Window, script: Script, vscode: CodeServer, view: bool
) -> None:
    if view:
        window.open("a.py")
        window.command("Indoors: Why This Suggestion")
        window.wait(lambda: "Why this suggestion: a.py" in window.text(), "the explanation")
    said = window.page.locator(".notification-toast", has_text="No file is in front. Next: click")
    for title in ("Turn Off or On in This File", "Turn Off or On in This Language"):
        window.command(f"Indoors: {title}")
        said.first.wait_for()
        window.command("Notifications: Clear All Notifications")
        window.wait(lambda: said.count() == 0, "the message to go")
    window.item.click()
    window.page.locator(".quick-input-list .monaco-list-row", has_text="Why this").wait_for()
    rows = "".join(window.page.locator(".quick-input-list .monaco-list-row").all_inner_texts())
    assert "Not in" not in rows
    assert "Edit what is selected" not in rows
    window.press("Escape")
    window.wait_label("ready")
    assert "languages.off" not in vscode.settings_file.read_text()
    closed = [one["textDocument"]["uri"] for one in script.got("textDocument/didClose")]
    assert not [uri for uri in closed if uri.endswith("/a.py")]


def test_more_of_an_answer_does_not_break_a_pause(window: Window, script: Script) -> None:
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")
    document = script.got("textDocument/inlineCompletion")[-1]["textDocument"]
    version = script.changes("a.py")[-1]["textDocument"]["version"]
    window.command("Indoors: Pause for 10 Minutes")
    window.wait_label("paused until")
    try:
        script.rules({"text": "def again(): ...", "least": 5})
        n_asked = len(script.got("textDocument/inlineCompletion"))
        script.say("indoors/completionReady", textDocument=document | {"version": version})
        window.page.wait_for_timeout(1_500)
        assert window.ghost.count() == 0
        assert len(script.got("textDocument/inlineCompletion")) == n_asked
    finally:
        window.command("Indoors: Resume")
        window.wait_label("ready")
    # The control: where there is no pause, it is asked for and shown.
    script.say("indoors/completionReady", textDocument=document | {"version": version})
    window.wait(lambda: "gain(): ..." in window.ghost_text(), "more of the answer")


def test_the_menu_pauses_and_resumes(window: Window, script: Script) -> None:
    window.open("a.py")
    window.item.click()
    window.page.get_by_text("Pause for 10 minutes").first.wait_for()
    window.picture("menu")
    window.page.get_by_text("Pause for 10 minutes").first.click()
    window.wait_label("paused until")
    asked = len(script.got("textDocument/inlineCompletion"))
    window.focus()
    window.type("def a")
    window.page.wait_for_timeout(800)
    assert len(script.got("textDocument/inlineCompletion")) == asked
    assert window.ghost.count() == 0
    window.command("Indoors: Resume")
    window.wait_label("ready")
    window.focus()
    window.press("End")
    window.type("d")
    window.wait(lambda: window.ghost.count() > 0, "ghost text")


def test_a_file_is_switched_off_and_closed_for_the_server(window: Window, script: Script) -> None:
    window.open("a.py")
    window.wait(lambda: script.opened("a.py"), "the document at the server")
    window.command("Indoors: Turn Off or On in This File")
    window.wait(lambda: script.got("textDocument/didClose"), "the document to be closed")
    window.wait_label("you switched this file off")
    before = len(script.changes("a.py"))
    window.type("def a")
    window.page.wait_for_timeout(500)
    assert len(script.changes("a.py")) == before
    window.command("Indoors: Turn Off or On in This File")
    window.wait(lambda: len(script.opened("a.py")) == 2, "the document at the server again")
    assert script.opened("a.py")[1]["text"] == "def a"


def test_a_language_is_switched_off_for_the_server(
    window: Window, script: Script, vscode: CodeServer
) -> None:
    before = vscode.settings_file.read_text()
    window.open("a.py")
    window.command("Indoors: Turn Off or On in This Language")

    def told() -> bool:
        sent = script.got("workspace/didChangeConfiguration")
        wanted = {"completion": {"languages": {"off": ["python"]}}}
        return bool(sent) and sent[-1]["settings"]["indoors"] == wanted

    try:
        window.wait(told, "the setting at the server")
    finally:
        vscode.settings_file.write_text(before)


def test_plain_text_and_secrets_are_never_sent(window: Window, script: Script) -> None:
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
    everything = (script.folder / "got.jsonl").read_text()
    assert "SECRET" not in everything
    assert not [name for name in kinds if f"/{name}" in everything]


def test_suggestions_are_shown_and_read_with_a_screen_reader(
    second: Any, vscode: CodeServer, tmp_path: Path
) -> None:
    window = Window.with_settings(second, vscode, tmp_path / "read", READER)
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")
    view = second.locator(".accessible-view")

    def is_open() -> bool:
        window.press("Alt+F2")  # the palette would take the focus, and the ghost text with it
        second.wait_for_timeout(1_000)
        return bool(view.is_visible())

    window.wait(is_open, "the Accessible View")
    window.wait(lambda: "return a + b" in view.inner_text().replace("\xa0", " "), "it to be read")
    window.picture("accessible")
    window.press("Escape")


def test_a_word_is_taken_with_a_screen_reader_and_elsewhere_the_cursor_moves(
    second: Any, script: Script, vscode: CodeServer, tmp_path: Path
) -> None:
    window = Window.with_settings(second, vscode, tmp_path / "heard", READER)
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")
    window.press("Control+ArrowRight")
    window.wait(
        lambda: script.got("textDocument/didPartiallyAcceptCompletion"), "a note of the word"
    )
    window.press("Escape")
    window.wait(lambda: window.ghost.count() == 0, "no ghost text")
    window.press("Home")
    window.press("Control+ArrowRight")
    window.type("x")
    assert window.saved("a.py") == "defx add"


# --- life ---------------------------------------------------------------------------------------


def test_a_killed_server_is_started_again_and_goes_on(window: Window, script: Script) -> None:
    window.new_server(script)
    window.open("a.py")
    window.type("d")
    window.wait(lambda: script.shown() == ["c1"], "a note of the first suggestion")
    window.type("ef a")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")
    n_shown = len(script.shown())
    for _ in range(2):
        before = script.pids()
        os.kill(before[-1], signal.SIGKILL)
        window.wait(lambda before=before: len(script.pids()) > len(before), "another server")  # type: ignore[misc]
        window.wait(lambda: script.opened("a.py"), "it to be told what is open")
        window.wait_label("ready")
    assert script.got("initialize")[-1]["initializationOptions"]["client"]["refresh"] is True
    assert script.opened("a.py")[-1]["text"] == "def a", "it is told what is open"
    window.type("d")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text again")
    window.wait(lambda: len(script.shown()) > n_shown, "a note that it is shown")
    assert script.shown()[n_shown] == "c1", "each process numbers its suggestions anew"


def test_a_next_step_of_the_server_is_shown_and_run_only_after_consent(
    window: Window, script: Script
) -> None:
    reason = "There is no model on this machine."
    script.status(phase="error", reason=reason, next_step="indoors setup")
    text = "Indoors: There is no model on this machine.\nNext: indoors setup"
    script.say("window/showMessage", type=1, message=text)
    button = window.page.get_by_role("button", name="Run in Terminal…").first
    button.wait_for()
    window.picture("missing-model")
    assert window.page.locator(".notification-toast").count() == 1, "once"
    button.click()
    dialog = window.page.locator(".monaco-dialog-box")
    dialog.wait_for()
    python = str(script.folder / "python")
    assert f"{python} -I -m indoors_server setup" in dialog.inner_text()
    window.picture("consent")
    assert script.ran() == [], "nothing runs before somebody agreed"
    dialog.get_by_role("button", name="Run in Terminal").click()
    wanted = ["-I", "-m", "indoors_server", "setup", "--no-editor-lines"]
    window.wait(lambda: script.ran() == [wanted], "the command to run")
    window.wait(lambda: terminal(window, "Set up Indoors"), "its terminal")
    window.wait(
        lambda: script.got("workspace/didChangeConfiguration"), "the server to look for the model"
    )
    window.picture("setup")


def test_consent_that_is_not_given_runs_nothing(window: Window, script: Script) -> None:
    window.command("Indoors: Set Up Engine and Model")
    dialog = window.page.locator(".monaco-dialog-box")
    dialog.wait_for()
    dialog.get_by_role("button", name="Cancel").click()
    window.page.wait_for_timeout(500)
    assert script.ran() == []


def test_proof_and_policy_run_where_they_are_seen(window: Window, script: Script) -> None:
    window.command("Indoors: Prove That Nothing Gets Out")
    window.wait(
        lambda: script.ran() == [["-I", "-m", "indoors_server", "doctor", "--prove"]], "the proof"
    )
    window.wait(lambda: terminal(window, "indoors doctor --prove"), "its terminal")
    window.picture("prove")
    window.command("Indoors: Show What the Policy Says")
    folder = ["--folder", str(window.folder)]  # no command is run in it, so it is named
    policy = ["-I", "-m", "indoors_server", "policy", "show", *folder]
    window.wait(lambda: script.ran()[1:] == [policy], "the policy")
    window.wait(lambda: terminal(window, "indoors policy show"), "its terminal")
    text = "A policy denies it.\nNext: indoors policy explain complete"
    script.say("window/showMessage", type=2, message=text)
    window.page.get_by_role("button", name="Run in Terminal…").first.click()
    explain = ["-I", "-m", "indoors_server", "policy", "explain", "complete", *folder]
    window.wait(lambda: script.ran()[2:] == [explain], "what every layer says")


def test_the_log_is_shown(window: Window) -> None:
    window.command("Indoors: Show Log")
    output = window.page.locator(".part.panel .monaco-editor .view-lines")
    window.wait(lambda: output.count() > 0, "the log")


def terminal(window: Window, title: str) -> bool:
    """Whether a terminal of that name is on the screen; its text is painted, not written."""
    shown = window.page.locator(".terminal-outer-container .xterm").count() > 0
    return shown and window.page.get_by_text(title).count() > 0


def test_a_model_is_chosen(window: Window, script: Script, vscode: CodeServer) -> None:
    before = vscode.settings_file.read_text()
    window.command("Indoors: Choose the Model")
    window.page.get_by_text("small-coder").first.wait_for()
    window.picture("models")
    window.page.get_by_text("small-coder").first.click()

    def told() -> bool:
        sent = script.got("workspace/didChangeConfiguration")
        return bool(sent) and sent[-1]["settings"]["indoors"].get("model") == "small-coder"

    try:
        window.wait(told, "the model at the server")
    finally:
        vscode.settings_file.write_text(before)
