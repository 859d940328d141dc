"""Settings of VS Code's own that keep suggestions from the screen, with a script server."""

from __future__ import annotations

from typing import Any

import pytest

from support.code_server import CodeServer
from support.vscode_script import Script
from support.vscode_window import Window

pytestmark = [pytest.mark.editor, pytest.mark.loopback]

SUPPRESS = "editor.inlineSuggest.experimental.suppressInlineSuggestions"


def test_where_vs_code_shows_only_what_is_asked_for_that_is_said(
    window: Window, script: Script, vscode: CodeServer
) -> None:
    window.open("a.py")
    window.wait_label("ready")
    assert "Only when asked" not in window.label()
    with vscode.set(editor__inlineSuggest__enabled=False):
        window.wait_label("Only when asked (editor.inlineSuggest.enabled is off)")
        window.tooltip("Only when asked")
        window.picture("only-when-asked")
        window.focus()
        window.type("def a")
        window.page.wait_for_timeout(1_000)
        assert window.ghost.count() == 0
        window.press("Alt+\\")  # what is said to be the next step is one
        window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")
        window.press("Escape")
        window.command("Indoors: Why This Suggestion")
        reason = "Nothing comes by itself here: editor.inlineSuggest.enabled is off."
        window.wait(lambda: reason in window.text(), "the reason")
        assert "Next: ask with Alt+\\" in window.text()


def test_where_vs_code_hides_indoors_that_is_said(
    window: Window, script: Script, vscode: CodeServer
) -> None:
    hides: dict[str, Any] = {SUPPRESS.replace(".", "__"): "indoors.indoors"}
    reason = f"{SUPPRESS} names indoors.indoors"
    window.open("a.py")
    with vscode.set(**hides):
        window.wait_label(f"not completed here: {reason}")
        window.focus()
        window.type("def a")
        window.press("Alt+\\")
        said = window.page.locator(".notification-toast", has_text=reason).first
        said.wait_for()
        assert window.ghost.count() == 0
        window.command("Indoors: Why This Suggestion")
        window.wait(lambda: f"Nothing is suggested here: {reason}." in window.text(), "the reason")
    window.wait_label("ready")
