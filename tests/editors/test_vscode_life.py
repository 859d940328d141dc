"""The ends of a server in a real VS Code, and what the walkthrough takes for done; with a script
server.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from support import code_server
from support.vscode_script import Script
from support.vscode_window import Window

pytestmark = [pytest.mark.editor, pytest.mark.loopback]


def test_a_server_that_ends_again_and_again_is_left_to_the_person(
    window: Window, script: Script
) -> None:
    pid = window.new_server(script)
    for n_started in range(4):
        os.kill(pid, signal.SIGKILL)
        if n_started < 3:
            window.wait(lambda pid=pid: script.pids()[-1] != pid, "another server")  # type: ignore[misc]
            window.wait_label("ready")
            pid = script.pids()[-1]
    window.wait_label("the server ended 4 times; the log says why")
    toast = window.page.locator(".notification-toast", has_text="the server ended 4 times").first
    toast.get_by_role("button", name="Show Log").wait_for()
    window.picture("stopped")
    window.command("Indoors: Show Menu")  # a click would leave the tooltip above the buttons
    window.page.locator(".quick-input-list .monaco-list-row", has_text="Settings").wait_for()
    rows = window.page.locator(".quick-input-list .monaco-list-row")
    first = [text.strip() for text in rows.all_inner_texts()[:2]]
    assert first == ["Start the server again", "Log"], "what can be done now comes first"
    window.press("Escape")
    window.page.wait_for_timeout(1_000)
    assert script.pids()[-1] == pid, "nothing is started again by itself"
    toast.get_by_role("button", name="Start Again").click()
    window.wait(lambda: script.pids()[-1] != pid, "another server")
    window.wait_label("ready")
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")


def ticked(window: Window) -> dict[str, bool]:
    """The steps of the walkthrough that is on the screen, and whether each is ticked."""
    return {
        one.get_attribute("data-step-id").split("#")[-1]: one.get_attribute("aria-checked")
        == "true"
        for one in window.page.locator("button.getting-started-step").all()
    }


def open_walkthrough(window: Window) -> None:
    window.command("Welcome: Open Walkthrough")
    row = window.page.locator(".quick-input-list .monaco-list-row", has_text="from nothing to")
    row.first.click()
    window.wait(lambda: len(ticked(window)) == 6, "the walkthrough")
    window.page.wait_for_timeout(1_000)  # it takes the focus, and the palette would close


def test_the_walkthrough_ticks_what_was_reached(window: Window) -> None:
    open_walkthrough(window)
    window.wait(lambda: ticked(window)["setup"], "the step that a ready server has done")
    window.picture("walkthrough")
    assert ticked(window)["server"]
    window.command("Indoors: Show Menu")
    window.page.locator(".quick-input-widget [placeholder*='Lock: enforced']").wait_for()
    window.press("Escape")
    window.wait(lambda: ticked(window)["look"], "the step that is read in the menu")


def test_the_lock_is_not_read_in_a_menu_that_does_not_have_it(
    page: Any, vsix: Path, tmp_path: Path
) -> None:
    with code_server.running(tmp_path / "home", vsix) as server:
        window = Window(page, server, tmp_path)
        window.wait_label("not installed on this machine")
        open_walkthrough(window)
        window.command("Indoors: Show Menu")
        page.get_by_text("Install without internet").first.wait_for()
        window.press("Escape")
        page.wait_for_timeout(1_000)
        assert not any(ticked(window).values())
