"""Settings of VS Code's own that keep suggestions from the screen, with a script server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.code_server import CodeServer
from support.vscode_script import Script
from support.vscode_window import Window

pytestmark = [pytest.mark.editor, pytest.mark.loopback]

SUPPRESS = "editor.inlineSuggest.experimental.suppressInlineSuggestions"


def test_where_vs_code_shows_only_what_is_asked_for_that_is_said(
    second: Any, script: Script, vscode: CodeServer, tmp_path: Path
) -> None:
    off = {"editor.inlineSuggest.enabled": False}
    window = Window.with_settings(second, vscode, tmp_path / "asked", off)
    window.open("a.py")
    window.wait_label("ready. Only when asked (editor.inlineSuggest.enabled is off)")
    window.tooltip("Only when asked")
    window.picture("only-when-asked")
    window.focus()
    window.type("def a")
    second.wait_for_timeout(1_000)
    assert window.ghost.count() == 0
    window.press("Alt+\\")  # what is said to be the next step is one
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")
    window.press("Escape")
    window.command("Indoors: Why This Suggestion")
    reason = "Nothing comes by itself here: editor.inlineSuggest.enabled is off."
    window.wait(lambda: reason in window.text(), "the reason")
    assert "Next: ask with Alt+\\" in window.text()


def test_where_vs_code_hides_indoors_that_is_said(
    second: Any, script: Script, vscode: CodeServer, tmp_path: Path
) -> None:
    hides = {SUPPRESS: "indoors.indoors"}
    reason = f"{SUPPRESS} names indoors.indoors"
    window = Window.with_settings(second, vscode, tmp_path / "hidden", hides)
    window.open("a.py")
    window.wait_label(f"not completed here: {reason}")
    window.type("def a")
    window.press("Alt+\\")
    second.locator(".notification-toast", has_text=reason).first.wait_for()
    assert window.ghost.count() == 0
    window.command("Indoors: Why This Suggestion")
    window.wait(lambda: f"Nothing is suggested here: {reason}." in window.text(), "the reason")
